"""What a training tells of itself: a line before the first epoch, and a bar."""

from skorch.callbacks import Callback

# A terminal of 80 columns may cut off the last ones.
SHOWN = ("valid_psnr", "noisy_psnr", "train_loss", "valid_loss")
# tqdm counts whole steps, but here the bar moves within an epoch.
BAR_FORMAT = (
    "{l_bar}{bar}| {n:.4g}/{total_fmt} epochs [{elapsed}<{remaining}, {rate_inv_fmt}{postfix}]"
)
# Seconds between two updates, so that a log file does not grow with the batches.
INTERVAL = 1


class EpochProgress(Callback):
    """A line about the training, then a bar with losses and PSNR of denoised and noisy images.

    The bar counts epochs, and moves with each batch.

    Parameters
    ----------
    n_images, n_samples, n_validated : int
        Number of images to train on, of what an epoch draws from them (more than the images if
        these are several patches of each), and of images held out for validation.
    n_batches : int
        Number of batches in an epoch.
    """

    def __init__(self, n_images, n_samples, n_validated, n_batches):
        self.n_images = n_images
        self.n_samples = n_samples
        self.n_validated = n_validated
        self.n_batches = n_batches

    def on_train_begin(self, net, **kwargs):
        from tqdm.auto import tqdm

        print_above_bar(self._describe(net))
        self.bar = tqdm(
            total=net.max_epochs, unit="epoch", bar_format=BAR_FORMAT, mininterval=INTERVAL
        )

    def on_epoch_begin(self, net, **kwargs):
        self.epochs_before = max(net.epochs_done, int(self.bar.n))
        self.batches_done = 0
        self._move_to(self.epochs_before)

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            self.batches_done += 1
            self._move_to(self.epochs_before + self.batches_done / self.n_batches)

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        values = {key: f"{epoch[key]:.4g}" for key in SHOWN if key in epoch}
        self.bar.set_postfix(values, refresh=False)
        # Rounding errors of the batches end here.
        self.bar.n = self.epochs_before + 1
        self.bar.refresh()

    def on_train_end(self, net, **kwargs):
        self.close()

    def close(self):
        """Close the bar, as skorch does not tell callbacks of an error."""
        if hasattr(self, "bar"):
            self.bar.close()

    def _move_to(self, n_epochs):
        self.bar.update(max(0, n_epochs - self.bar.n))

    def _describe(self, net):
        trained = sum(p.numel() for p in net.module_.parameters() if p.requires_grad)
        patches = f" ({self.n_samples:,} patches)" if self.n_samples > self.n_images else ""
        n_processes = net.processes.n_processes
        together = f", in {n_processes} processes" if n_processes > 1 else ""
        return (
            f"Training on {net.device} in {net.precision}{together}: {self.n_images:,} images"
            f"{patches} in an epoch, {self.n_validated:,} to validate, batches of "
            f"{net.batch_size}, {trained:,} weights"
        )


def print_above_bar(text):
    """Print a line without breaking the bar."""
    from tqdm.auto import tqdm

    tqdm.write(text)
