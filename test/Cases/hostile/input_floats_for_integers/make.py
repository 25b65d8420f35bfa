import numpy as np

np.save("i.npy", np.array([0.5, 1.5]))
