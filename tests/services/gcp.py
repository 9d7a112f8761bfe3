"""Google Cloud for the tests: the metadata server, token endpoint and keys, Secret Manager and Cloud Tasks.

`python gcp.py PROJECT` prints the address that it listens on, and answers until it is ended.
"""

import sys

from cloud_tasks import CloudTasks
from rest import Double
from secret_manager import SecretManager
from tokens import Tokens

if __name__ == "__main__":
    double = Double()
    tokens = Tokens(double, project=sys.argv[1])
    SecretManager(double, tokens)
    CloudTasks(double, tokens)
    double.serve()
