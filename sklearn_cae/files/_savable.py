"""``save``, for estimators."""

from os import PathLike

from ._writing import write_estimator


class Savable:
    """Adds :meth:`save` to an estimator."""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the estimator into a file that :func:`sklearn_cae.load` opens.

        The file holds arrays and text but no code, so you can open the file of a stranger. The
        opened estimator predicts bit by bit the same. The format is ``.safetensors``. Your own
        classes, such as the module in a :class:`~sklearn_cae.TorchNetwork`, are kept by name.

        Parameters
        ----------
        path : str or path-like
            Where to. A file that is there is replaced once the new one is written.

        Raises
        ------
        ValueError
            If it holds a fitted object of another library that no file can hold, such as a density
            that is not listed in the user guide. Nothing is written then.
        OSError
            If the file cannot be written. One that was there stays as it was.

        Warns
        -----
        UserWarning
            If callbacks or functions are left out; it names them.
        """
        write_estimator(self, path)
