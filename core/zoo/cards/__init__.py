"""Cards: what is known of a model from its runs, as a Markdown model card and as Hugging Face reads results."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Card"]

if TYPE_CHECKING:
    from zoo.cards.writing import Card
else:
    __getattr__, __dir__ = exports(__name__, {"zoo.cards.writing": ["Card"]})
