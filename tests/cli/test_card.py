"""`zoo card`: what it prints, what it writes, and what it refuses to overwrite."""


def test_a_card_is_printed_or_written_with_its_results_and_never_over_another(zoo, tmp_path):
    assert zoo("run", "intro/logistic", "--on", "digits").code == 0
    printed = zoo("card", "intro/logistic")
    assert printed.code == 0 and printed.out.startswith("---\n") and "# intro/logistic@digits" in printed.out
    assert "not known: the id of data/digits on the hub" in printed.err
    asked = ("card", "intro/logistic", "-o", str(tmp_path / "card"), "--dataset", "digits=acme/digits")
    written = zoo(*asked)
    assert written.code == 0
    assert written.out.splitlines() == [
        str(tmp_path / "card" / "README.md"),
        str(tmp_path / "card" / ".eval_results" / "data-digits.yaml"),
    ]
    again = zoo(*asked)
    assert again.code == 2 and "README.md is there already" in again.err and "--overwrite" in again.err
    assert zoo(*asked, "--overwrite").code == 0


def test_a_run_that_is_not_there_and_a_pair_that_is_none_are_refused(zoo):
    assert zoo("card", "nothing-here").code == 2
    done = zoo("card", "intro/mlp", "--dataset", "digits")
    assert done.code == 2 and "--dataset NAME=ORG/NAME" in done.err
