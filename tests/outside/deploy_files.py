"""What deploy/ holds is valid: `python tests/outside/deploy_files.py [WORD...]` (see .ci/deploy for what it needs)."""

import runner
import test_deploy
import test_monitoring

if __name__ == "__main__":
    runner.main(test_deploy, test_monitoring)
