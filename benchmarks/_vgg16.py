"""VGG16 as it is: an autoencoder that is not trained, of which the encoder is all that counts."""

from sklearn.frozen import FrozenEstimator

from sklearn_cae import Autoencoder, DenoisingCAE, VGG16Encoder


def frozen_vgg16(n_blocks, weights, images):
    """A frozen autoencoder with the first blocks of VGG16, for images like a few that are given."""
    network = Autoencoder(VGG16Encoder(n_blocks, weights=weights))
    data_range = (0, 255) if images.dtype == "uint8" else (0, 1)
    cae = DenoisingCAE(network, max_epochs=0, for_codes=True, data_range=data_range, random_state=0)
    return FrozenEstimator(cae.fit(images[:2]))
