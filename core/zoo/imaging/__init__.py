"""Images: as a model wants them, in other colours, resized as MATLAB does, and spoilt to be restored."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "Degradation",
    "Degraded",
    "Normalise",
    "Normalised",
    "decode",
    "imresize",
    "open_picture",
    "prepare_image",
    "read_image",
    "rgb_to_ycbcr",
    "stack",
    "take_orientation",
    "to_uint8",
    "undecodable",
    "ycbcr_to_rgb",
]

if TYPE_CHECKING:
    from zoo.imaging.colour import rgb_to_ycbcr, ycbcr_to_rgb
    from zoo.imaging.decoding import decode, open_picture, read_image, take_orientation, undecodable
    from zoo.imaging.degrade import Degradation, Degraded, to_uint8
    from zoo.imaging.images import prepare_image, stack
    from zoo.imaging.matlab_resize import imresize
    from zoo.imaging.normalise import Normalise, Normalised
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.imaging.colour": ["rgb_to_ycbcr", "ycbcr_to_rgb"],
            "zoo.imaging.decoding": ["decode", "open_picture", "read_image", "take_orientation", "undecodable"],
            "zoo.imaging.degrade": ["Degradation", "Degraded", "to_uint8"],
            "zoo.imaging.images": ["prepare_image", "stack"],
            "zoo.imaging.matlab_resize": ["imresize"],
            "zoo.imaging.normalise": ["Normalise", "Normalised"],
        },
    )
