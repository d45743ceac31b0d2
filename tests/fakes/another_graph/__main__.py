"""A second Microsoft Graph and Entra ID, written from their documentation and sharing nothing with ops/sandbox/graph: what works
against both does not work by the sandbox's mistakes. Prints {"url","seed"} once it listens.

  python3 tests/fakes/another_graph --directory seed.json --tenant T --client-id C --secret S [--faults all] [--seed N]"""

import argparse
import json
import random
import sys

import faults as faulty
from batch import Batch
from directory import Directory
from entra import Entra
from graph import Graph
from quota import Quota
from web import Handler, Server, Service


def arguments():
    parser = argparse.ArgumentParser(prog="another_graph", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--public-url", help="where clients find it, behind a proxy")
    parser.add_argument("--directory", required=True, help='JSON: {"users":[…],"groups":[…]}')
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--secret", default="")
    parser.add_argument("--certificate", default="", help="PEM; accepts assertions signed by its key")
    parser.add_argument("--token-seconds", type=int, default=3599)
    parser.add_argument("--faults", default="{}", help='"all", or JSON: {"rates":{…},"rules":[…]}')
    parser.add_argument("--seed", type=int, default=None, help="of the faults; the same meets the same again")
    parser.add_argument("--lag-ms", type=int, default=0, help="how long reads do not show a write")
    return parser.parse_args()


def main():
    options = arguments()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    given = {"rates": faulty.ALL} if options.faults == "all" else json.loads(options.faults)
    faults = faulty.Faults(seed, given.get("rates"), given.get("rules"))
    with open(options.directory, encoding="utf-8") as file:
        directory = Directory(json.load(file), options.lag_ms / 1000)
    server = Server(("127.0.0.1", options.port), Handler)
    url = options.public_url or f"http://127.0.0.1:{server.server_address[1]}"
    app = {"tenant": options.tenant, "client_id": options.client_id, "secret": options.secret,
           "certificate": options.certificate}
    graph = Graph(directory, Quota(), faults, url)
    Handler.service = Service(graph, Batch(graph, faults), Entra(app, faults, url, options.token_seconds), faults)
    print(json.dumps({"url": url, "port": server.server_address[1], "seed": seed}), flush=True)
    print(f"faults are drawn from seed {seed}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
