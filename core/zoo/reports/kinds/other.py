"""A task that a plugin declares: what it tells of each prediction, and its picture of it where it draws one."""

from zoo.data.dataset import Sample
from zoo.errors import reason_of
from zoo.reports.kinds.view import View
from zoo.reports.seen import WIDE, Seen, seen_picture
from zoo.tasks.base import Rows


class OtherView(View):
    """A run of such a task."""

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        picture = None if sample is None else self.run.task.draw(sample, rows.columns)
        return None if picture is None else seen_picture(picture, f"what was predicted of {rows.ids[0]}", WIDE)

    def facts(self, rows: Rows) -> list[str]:
        try:
            return self.run.task.told(rows.columns)
        except Exception as error:  # what cannot be told costs itself alone
            return [f"cannot be told: {reason_of(error)}"]
