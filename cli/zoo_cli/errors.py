"""Where every command ends: what it returned or raised becomes lines on stderr, or JSON on stdout, and an exit code."""

import os
import select
import sys
import warnings
from collections.abc import Sequence

import click

from zoo.errors import ZooError
from zoo.wording import harmless, without_secrets
from zoo_cli.flags import running_command, warned, with_flags
from zoo_cli.render import note, print_json, styled

USER_ERROR = 2
BUG = 70
INTERRUPTED = 130
READER_GONE = 141
"""What a shell reports of a process that a closed pipe ended (128 + SIGPIPE)."""

RESUMES = {
    "run": "finished shards are kept: the same command goes on from there",
    "train": "checkpoints are kept: the same command goes on from the last one",
    "data": "what was downloaded is kept: the same command goes on from there",
}


class CommandFailedError(Exception):
    """A plugin's command raised what is no user's error, the cause of this: a bug of the plugin `who`."""

    def __init__(self, who: str) -> None:
        super().__init__(who)
        self.who = who


def guarded(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command to its exit code: 0 done, 1 pass mark missed, 2 user error, 70 a bug, 130 interrupted."""
    if "_ZOO_COMPLETE" in os.environ:  # a shell asks for completions: click answers and exits
        command.main(list(arguments), prog_name="zoo")
    as_json = "--json" in arguments
    warnings.showwarning = lambda message, *_: note(f"{styled('warning:', sys.stderr, fg='yellow')} {warned(message)}")
    try:
        with command.make_context("zoo", list(arguments)) as context:
            code = command.invoke(context)
        sys.stdout.flush()
        return code or 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except ZooError as error:
        return _user_error(as_json, error, error)
    except click.ClickException as error:
        return _say(as_json, "UsageError", _message(error), _hint(error), USER_ERROR)
    except (KeyboardInterrupt, click.Abort) as error:
        if told := _of_plugin(error):
            return _user_error(as_json, told, error)
        return _say(as_json, "Interrupted", "interrupted", _how_to_go_on(arguments), INTERRUPTED)
    except BrokenPipeError as error:
        if not _is_reader_gone():
            return _bug(as_json, error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains when it exits
        return READER_GONE
    except CommandFailedError as failed:
        return _bug(as_json, failed.__cause__ or failed, failed.who)
    except SystemExit as end:  # neither ours nor click's: a command ends by what it returns
        if told := _of_plugin(end):
            return _user_error(as_json, told, end)
        where = "a plugin or a model, which may not end the process"
        return _bug(as_json, RuntimeError(f"something called sys.exit({end.code!r}) before the command was done"), where)
    except BaseException as error:
        if told := _of_plugin(error):
            return _user_error(as_json, told, error)
        return _bug(as_json, error)


def _of_plugin(error: BaseException) -> ZooError | None:
    """The error that names the plugin by others whose code raised this one; None where it is nobody's."""
    from zoo.plugins.blame import blamed

    return None if isinstance(error, click.Abort) else blamed(error)


def _user_error(as_json: bool, error: ZooError, raised: BaseException) -> int:
    """Tell what is wrong and what to do next, by the flags of the command that ran; `raised` is what the traceback is of."""
    if os.environ.get("ZOO_DEBUG"):
        _print_traceback(raised)
    command = running_command(raised)
    message, hint = with_flags(error.message, command), with_flags(error.hint, command)
    if error.plugin and not hint.startswith("pip install"):
        without = f"zoo -p no:{error.plugin} ... leaves the plugin out"
        hint = f"{hint}; {without}" if hint else without
    return _say(as_json, type(error).__name__, message, hint, error.exit_code)


def _how_to_go_on(arguments: Sequence[str]) -> str:
    command = next(iter(arguments), "")
    if "--fresh" not in arguments:
        return RESUMES.get(command, "")
    # A training made afresh may stand beside a finished one, which the command without --fresh would find instead.
    return "finished shards are kept: the same command without --fresh goes on from there" if command == "run" else ""


def _say(as_json: bool, kind: str, message: str, hint: str, code: int) -> int:
    """Tell an error: what is wrong, and what to do next."""
    if as_json:
        print_json({"error": {"type": kind, "message": message, "hint": hint}})
    else:
        note(f"{styled('error:', sys.stderr, fg='red', bold=True)} {message}")
        if hint:
            note(f"{styled(' hint:', sys.stderr, fg='cyan')} {hint}")
    return code


def _print_traceback(error: BaseException) -> None:
    import traceback

    sys.stderr.write(harmless(without_secrets("".join(traceback.format_exception(error)))))


def _bug(as_json: bool, error: BaseException, where: str = "") -> int:
    from zoo.version import __version__

    _print_traceback(error)
    where = where or f"deepzoo {__version__}"
    hint = f"this is a bug in {where}: please report it with the traceback and the command that you typed"
    return _say(as_json, type(error).__name__, str(error), hint, BUG)


def _message(error: click.ClickException) -> str:
    """Click's message in the manner of ours, without its own suggestions."""
    if isinstance(error, click.NoSuchOption):
        return f"no such option {error.option_name!r}"
    text = error.format_message()
    return (text[:1].lower() + text[1:]).rstrip(".")


def _hint(error: click.ClickException) -> str:
    near = getattr(error, "possibilities", None)
    context = getattr(error, "ctx", None)
    more = f"{context.command_path if context else 'zoo'} --help"
    return f"did you mean {' or '.join(near)}? See {more}" if near else f"see {more}"


def _is_reader_gone() -> bool:
    """Whether nobody reads our standard output any more, as after `| head -1`."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
