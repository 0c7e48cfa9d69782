"""Ask by a client that was generated from the OpenAPI document: python generated.py ADDRESS ROW."""

import json
import sys
from pathlib import Path

from made import Client
from made.api.endpoint import predict, ready
from made.api.open_inference_protocol import v2_model
from made.models import Row

address, row = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
client = Client(base_url=address)
answer = predict.sync(client=client, body=Row.from_dict(row))
print(json.dumps(answer.to_dict()))
assert ready.sync(client=client)
assert v2_model.sync("flight_delays", client=client)
