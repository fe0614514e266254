import matplotlib
import torch

# Before any test imports pyplot: no window is opened.
matplotlib.use("Agg")

# The networks of the tests are tiny: one thread is about three times faster than two.
torch.set_num_threads(1)
