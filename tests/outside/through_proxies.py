"""The gateway behind real proxies: `python tests/outside/through_proxies.py [WORD...]` (see .ci/proxies for what it needs)."""

import runner
import test_one_gateway
import test_restart
import test_two_gateways

if __name__ == "__main__":
    runner.main(test_one_gateway, test_two_gateways, test_restart)
