"""What a command loads before it says anything."""

from tests.support.command_line import left_by


def test_a_plan_is_made_without_torch():
    """It alone takes longer to load than the rest of the plan to make."""
    heavy = "{'torch', 'transformers', 'mlflow'}"
    assert left_by("plan", "quickstart", expression=f"{heavy} & set(sys.modules)") == "set()"
