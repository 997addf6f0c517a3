"""How a check of gradients is shown."""

from typing import TYPE_CHECKING

from zoo_cli.render import counted, number, print_table, say, say_wrapped, styled

if TYPE_CHECKING:
    from zoo.training import GradientCheck


def print_gradients(check: "GradientCheck") -> None:
    """A row a parameter, the worst place with both of its derivatives, and the verdict."""
    data = f"{counted(check.samples, 'sample')} of {check.dataset}"
    say_wrapped(f"{styled(check.recipe, bold=True)}: gradients of {check.model} by {check.by}, against central differences")
    say_wrapped(f"the loss of {data} is {number(check.loss)} with fresh parameters, in float64", "  ")
    say()
    rows = [
        (each.name, "x".join(map(str, each.shape)) or "-", str(each.compared), str(each.corners or ""), f"{each.error:.1e}")
        for each in check.parameters
    ]
    print_table(("parameter", "shape", "compared", "corners", "worst error"), rows, right=(2, 3, 4))
    say()
    worst = check.worst
    say_wrapped(f"worst: {worst.place}{'' if worst.entry is not None else ' along a random direction'}", "  ")
    say_wrapped(f"gradient {worst.gradient:.10g}, difference {worst.difference:.10g}, relative error {worst.error:.1e}", "  ")
    for text in check.notes:
        say_wrapped(f"note {text}", "  ")
    if any(each.corners for each in check.parameters):
        say_wrapped("note at a corner of the loss, as a ReLU at 0, the gradient is that of one side: not judged", "  ")
    off = [each.name for each in check.parameters if each.error > check.tolerance]
    if off:
        say_wrapped(f"{styled('FAILED', fg='red', bold=True)} off by more than {check.tolerance:g}: {', '.join(off)}", "  ")
    else:
        say_wrapped(f"{styled('PASSED', fg='green', bold=True)} all within {check.tolerance:g}", "  ")
