"""What a command loads before it says anything."""

import subprocess
import sys


def test_a_plan_is_made_without_torch():
    """It alone takes longer to load than the rest of the plan to make."""
    said = (
        "import sys; from bench import cli; sys.argv = ['bench', 'plan', 'quickstart']\n"
        "try: cli.main()\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "finally: print({'torch', 'transformers', 'mlflow'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "set()"
