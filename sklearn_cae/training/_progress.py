"""A progress bar over epochs."""

from skorch.callbacks import Callback

# A terminal of 80 columns may cut off the last ones.
SHOWN = ("valid_psnr", "noisy_psnr", "train_loss", "valid_loss")


class EpochProgress(Callback):
    """A progress bar over epochs with losses and PSNR of denoised and of noisy images."""

    def on_train_begin(self, net, **kwargs):
        from tqdm.auto import tqdm

        self.bar = tqdm(total=net.max_epochs, unit="epoch")

    def on_epoch_begin(self, net, **kwargs):
        self.bar.update(max(0, net.epochs_done - self.bar.n))

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        self.bar.set_postfix({key: f"{epoch[key]:.4g}" for key in SHOWN if key in epoch})
        self.bar.update()

    def on_train_end(self, net, **kwargs):
        self.close()

    def close(self):
        """Close the bar, as skorch does not tell callbacks of an error."""
        if hasattr(self, "bar"):
            self.bar.close()


def print_above_bar(text):
    """Print a line without breaking the bar."""
    from tqdm.auto import tqdm

    tqdm.write(text)
