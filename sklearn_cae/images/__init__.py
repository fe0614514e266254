"""Arrays in, arrays out: validation, layout, units and dtype of image batches.

Inside the library a batch is a view ``(n, H, W, C)`` of the user's array, and on the device a
float32 tensor ``(n, C, H, W)`` in units of the data range, so that black is 0 and white is 1.
"""

from ._checks import (
    check_columns,
    check_images,
    is_target,
    lazy_images,
    learn_images,
    read_images,
    read_sequence,
)
from ._collections import LazyList, shapes_of
from ._hiding import N_GRIDS, hide
from ._lazy import LazyImages, is_lazy, is_read_lazily, selected, windowed
from ._out import BlockWriter, check_out
from ._pairs import (
    NoisyImages,
    check_same_shape,
    layout_of,
    load_pairs,
    save_pairs,
    split_targets,
)
from ._sequences import (
    ImageSequence,
    groups_of_one_shape,
    images_of,
    is_collection,
    is_image_list,
    is_read_by_number,
    refuse_empty,
    refuse_mixed_dtypes,
)
from ._sources import ImageSource, chunks
from ._spec import (
    ImageSpec,
    channels_last,
    check_channel_axis,
    from_channels_last,
    learn_sequence_spec,
    learn_spec,
    sequence_of_size,
    sequence_to_channels_last,
    spec_of_range,
    to_channels_last,
    view_of_size,
)
from ._units import (
    bytes_to_unit,
    check_range,
    check_units,
    check_within_range,
    from_array,
    from_unit,
    normalize_contrast,
    result_limits,
    send,
    to_array,
    to_unit,
)

__all__ = [
    "N_GRIDS",
    "BlockWriter",
    "ImageSequence",
    "ImageSource",
    "ImageSpec",
    "LazyImages",
    "LazyList",
    "NoisyImages",
    "bytes_to_unit",
    "channels_last",
    "check_channel_axis",
    "check_columns",
    "check_images",
    "check_out",
    "check_range",
    "check_same_shape",
    "check_units",
    "check_within_range",
    "chunks",
    "from_array",
    "from_channels_last",
    "from_unit",
    "groups_of_one_shape",
    "hide",
    "images_of",
    "is_collection",
    "is_image_list",
    "is_lazy",
    "is_read_by_number",
    "is_read_lazily",
    "is_target",
    "layout_of",
    "lazy_images",
    "learn_images",
    "learn_sequence_spec",
    "learn_spec",
    "load_pairs",
    "normalize_contrast",
    "read_images",
    "read_sequence",
    "refuse_empty",
    "refuse_mixed_dtypes",
    "result_limits",
    "save_pairs",
    "selected",
    "send",
    "sequence_of_size",
    "sequence_to_channels_last",
    "shapes_of",
    "spec_of_range",
    "split_targets",
    "to_array",
    "to_channels_last",
    "to_unit",
    "view_of_size",
    "windowed",
]
