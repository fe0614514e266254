import matplotlib
import pytest
import torch

# Before any test imports pyplot: no window is opened.
matplotlib.use("Agg")

# The networks of the tests are tiny: one thread is about three times faster than two.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def gradients_stay_on():
    """No test, nor what it tests, may leave torch without gradients for the next one."""
    yield
    if not torch.is_grad_enabled():
        torch.set_grad_enabled(True)
        pytest.fail("gradients were left off")
