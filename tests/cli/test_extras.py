"""Commands that plugins add."""


def test_a_plugin_adds_a_command_from_a_plain_function(zoo_process, toy):
    done = zoo_process("greet", "you", "--times", "2")
    assert (done.code, done.out, done.err) == (0, "hello you\nhello you\n", "")
    assert "Greet somebody." in zoo_process("--help").out
    assert "--times" in zoo_process("greet", "--help").out


def test_its_errors_end_as_ours_do(zoo_process, toy):
    failed = zoo_process("greet", "you", "--times", "10")
    assert (failed.code, failed.err) == (2, "error: too often\n hint: greet less\n")
    assert zoo_process("greet", "--shout").code == 2


def test_a_command_that_no_plugin_adds_is_unknown(zoo):
    assert zoo("greet", "you").code == 2
