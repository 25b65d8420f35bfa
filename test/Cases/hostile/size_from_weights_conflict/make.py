import json, struct

h = json.dumps({"v": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "w": {"dtype": "F32", "shape": [3], "data_offsets": [16, 28]}}).encode()
open("w.safetensors", "wb").write(struct.pack("<Q", len(h)) + h + bytes(28))
