"""Runs state machines on LocalStack's States Language interpreter, inside moto.

Reads {"cases": [{"name", "definition", "input", "answers"}]} from stdin and
writes {name: {"status", "output", "error", "cause", "entered"}} to stdout.

A function is called by the name of its case. answers maps the "step" of the
payload ("*" where there is none of it) to what each call in turn is answered;
the last is answered again and again: {"return": value}, {"error": {"errorType",
"errorMessage"}}; with "callback" {"output"} or {"error", "cause"} besides, the
payload's "token" is answered shortly afterwards.
"""

import copy
import functools
import io
import json
import os
import socket
import sys
import threading
import time
import types

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    PORT = probe.getsockname()[1]
os.environ.update(
    AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1", MOTO_PORT=str(PORT), MOTO_ACCOUNT_ID="123456789012"
)

import logging

import boto3
from botocore.config import Config
from moto.core.responses import EmptyResult
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer
from moto.stepfunctions.parser import models
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.responses import StepFunctionResponse

logging.disable(logging.CRITICAL)
# Starting an execution would copy all that run already, with their threads.
models.copy = types.SimpleNamespace(deepcopy=copy.copy)
# Most of the time would go into parsing the same definitions and paths again.
AmazonStateLanguageParser.parse = functools.cache(AmazonStateLanguageParser.parse)
json_path.parse = functools.cache(json_path.parse)
result_path.parse = functools.cache(result_path.parse)
default_user_config["stepfunctions"]["execute_state_machine"] = True

CASES = {case["name"]: case for case in json.load(sys.stdin)["cases"]}
TURNS, LOCK = {}, threading.Lock()


# The server would drop the cause.
def send_task_failure(self):
    self.stepfunction_backend.send_task_failure(self._get_param("taskToken"), error=self._get_param("error"), cause=self._get_param("cause"))
    return EmptyResult()


StepFunctionResponse.send_task_failure = send_task_failure


def client():
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("stepfunctions", endpoint_url=f"http://127.0.0.1:{PORT}", region_name="us-east-1", config=once)


def resume(token, callback):
    time.sleep(0.3)
    if "output" in callback:
        client().send_task_success(taskToken=token, output=json.dumps(callback["output"]))
    else:
        client().send_task_failure(taskToken=token, error=callback["error"], cause=callback["cause"])


class Lambda:
    """Stands in for the interpreter's Lambda client."""

    def invoke(self, FunctionName, Payload=b"{}", **_):
        failed, out = answer(FunctionName.split(":function:")[-1].split(":")[0], json.loads(Payload))
        response = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": io.BytesIO(json.dumps(out).encode())}
        return response | ({"FunctionError": "Unhandled"} if failed else {})


lambda_eval_utils.boto_client_for = lambda **_: Lambda()


def answer(name, payload):
    step = payload.get("step", "*") if isinstance(payload, dict) else "*"
    script = CASES[name]["answers"]
    answers = script.get(step) or script["*"]
    with LOCK:
        turn = TURNS[name, step] = TURNS.get((name, step), 0) + 1
    given = answers[min(turn, len(answers)) - 1]
    if "callback" in given:
        threading.Thread(target=resume, args=(payload["token"], given["callback"]), daemon=True).start()
    return ("error" in given), given.get("error", given.get("return"))


def result(sfn, arn):
    described = sfn.describe_execution(executionArn=arn)
    entered, page = [], {}
    while True:
        history = sfn.get_execution_history(executionArn=arn, **page)
        entered += [e["stateEnteredEventDetails"]["name"] for e in history["events"] if "stateEnteredEventDetails" in e]
        if "nextToken" not in history:
            break
        page = {"nextToken": history["nextToken"]}
    return {
        "status": described["status"],
        "output": described.get("output", ""),
        "error": described.get("error", ""),
        "cause": described.get("cause", ""),
        "entered": entered,
    }


def main():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=PORT, verbose=False)
    server.start()
    sfn, running, results = client(), {}, {}
    for name, case in CASES.items():
        try:
            machine = sfn.create_state_machine(name=name, definition=case["definition"], roleArn="arn:aws:iam::123456789012:role/states")
            running[name] = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=case["input"])["executionArn"]
        except Exception as refused:
            results[name] = {"status": "REFUSED", "cause": str(refused), "output": "", "error": "", "entered": []}
    deadline = time.time() + 300
    while running and time.time() < deadline:
        for name, arn in list(running.items()):
            if sfn.describe_execution(executionArn=arn)["status"] != "RUNNING":
                results[name] = result(sfn, running.pop(name))
        time.sleep(0.1)
    for name, arn in running.items():
        results[name] = result(sfn, arn)
    json.dump(results, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # the interpreter's threads may still wait


main()
