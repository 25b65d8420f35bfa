// Holds the precompiled header; see Pch.h.
