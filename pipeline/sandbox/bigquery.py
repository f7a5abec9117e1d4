"""The part of BigQuery's REST API that a load uses: tables, load jobs (multipart, resumable), query jobs.

A job is done before its request is answered, unless the fault `slow` has met it. https://cloud.google.com/bigquery/docs/reference/rest
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from pipeline.sandbox.faults import LoadFault, draw
from pipeline.sandbox.googlesql import QueryResult
from pipeline.sandbox.tables import Failed, Resource, Tables, opened

API = "/bigquery/v2/projects/{project}"
UPLOAD = "/upload/bigquery/v2/projects/{project}/jobs"

SLOW_S = 3.0
"""How long a slow job takes."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


LOCATION = "europe-west1"
"""Location of all datasets. A region, because BigQuery finds jobs there only if the client gives the location."""


class BigQuery:
    """Routes of the API, with tables in the file at `path`. `faults` are shares by kind of LoadFault."""

    def __init__(self, path: Path, faults: Mapping[str, float], seed: int) -> None:
        self._path, self._faults, self._seed = path, faults, seed
        self._requests: Counter[str] = Counter()
        self._uploads: dict[str, tuple[Resource, bytearray]] = {}
        self._slow: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """All routes, each with fault injection."""
        tables = API + "/datasets/{dataset}/tables"
        table = tables + "/{table}"
        return [
            web.get(API + "/datasets/{dataset}", self._answering(self._dataset)),
            web.post(tables, self._answering(self._create)),
            web.get(tables, self._answering(self._list)),
            web.get(table, self._answering(self._table)),
            web.patch(table, self._answering(self._change)),
            web.delete(table, self._answering(self._drop)),
            web.post(API + "/jobs", self._answering(self._query)),
            web.get(API + "/jobs/{job}", self._answering(self._job)),
            web.post(API + "/jobs/{job}/cancel", self._answering(self._cancel)),
            web.get(API + "/queries/{job}", self._answering(self._results)),
            web.post(UPLOAD, self._answering(self._upload)),
            web.put(UPLOAD, self._answering(self._resume)),
        ]

    def _answering(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            fault = self._fault(request)
            if fault == "before":
                return _error(503, "backendError", "sandbox fault, nothing was done")
            try:
                response = await handler(request)
            except Failed as error:
                response = _error(error.status, error.reason, str(error))
            except (KeyError, TypeError, ValueError) as error:
                response = _error(400, "invalid", f"the sandbox cannot read this request: {error!r}")
            # the worse fault: the work is done, but the client does not learn of it
            return _error(503, "backendError", "sandbox fault, it was done") if fault == "after" else response

        return answer

    def _fault(self, request: web.Request) -> Literal["before", "after"] | None:
        """Whether to answer 503, before or after doing the work."""
        route = f"{request.method} {request.path}"
        # counted, so that a retry draws again and can succeed
        self._requests[route] += 1
        share = self._faults.get(LoadFault.UNAVAILABLE, 0.0)
        drawn = draw(self._seed, route, self._requests[route])
        if drawn >= share:
            return None
        return "after" if drawn < share / 2 else "before"

    async def _in_file(self, work: Callable[[Tables], Any]) -> Any:
        def whole() -> Any:
            with opened(self._path) as tables:
                return work(tables)

        return await asyncio.to_thread(whole)

    async def _dataset(self, request: web.Request) -> web.Response:
        """Every dataset exists in the sandbox."""
        reference = {"projectId": request.match_info["project"], "datasetId": request.match_info["dataset"]}
        return web.json_response({"kind": "bigquery#dataset", "datasetReference": reference, "location": LOCATION})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        dataset, name = request.match_info["dataset"], body["tableReference"]["tableId"]
        return web.json_response(await self._in_file(lambda tables: tables.create(dataset, name, body)))

    async def _list(self, request: web.Request) -> web.Response:
        project, dataset = request.match_info["project"], request.match_info["dataset"]
        names = await self._in_file(lambda tables: tables.names(dataset))
        references = [{"projectId": project, "datasetId": dataset, "tableId": name} for name in names]
        listed = [{"tableReference": reference, "type": "TABLE"} for reference in references]
        return web.json_response({"tables": listed, "totalItems": len(listed)})

    async def _table(self, request: web.Request) -> web.Response:
        dataset, name = _named(request)
        resource = await self._in_file(lambda tables: tables.get(dataset, name))
        return web.json_response({**resource, "location": LOCATION})

    async def _change(self, request: web.Request) -> web.Response:
        (dataset, name), changes = _named(request), await request.json()
        return web.json_response(await self._in_file(lambda tables: tables.change(dataset, name, changes)))

    async def _drop(self, request: web.Request) -> web.Response:
        dataset, name = _named(request)
        await self._in_file(lambda tables: tables.drop(dataset, name))
        return web.Response(status=204)

    async def _upload(self, request: web.Request) -> web.Response:
        if request.query.get("uploadType") == "resumable":
            upload = secrets.token_hex(16)
            self._uploads[upload] = (await request.json(), bytearray())
            return web.Response(headers={"Location": str(request.url.update_query(upload_id=upload))})
        job, payload = _parts(request, await request.read())
        return web.json_response(await self._in_file(lambda tables: self._load(tables, job, payload)))

    async def _resume(self, request: web.Request) -> web.Response:
        job, payload = self._uploads[request.query["upload_id"]]
        span, _, total = request.headers["Content-Range"].removeprefix("bytes ").partition("/")
        if span != "*":
            del payload[int(span.partition("-")[0]) :]  # a chunk may be sent again, and then replaces itself
            payload += await request.read()
        if total == "*" or len(payload) < int(total):
            received = {"Range": f"bytes=0-{len(payload) - 1}"} if payload else {}
            return web.Response(status=308, headers=received)
        return web.json_response(await self._in_file(lambda tables: self._load(tables, job, bytes(payload))))

    def _load(self, tables: Tables, job: Resource, payload: bytes) -> Resource:
        load = job["configuration"]["load"]
        target, schema = load["destinationTable"], load["schema"]["fields"]

        def work() -> Resource:
            if load.get("createDisposition") == "CREATE_NEVER":
                tables.get(target["datasetId"], target["tableId"])
            rows = tables.load(target["datasetId"], target["tableId"], schema, payload, self._is_refused)
            return {"statistics": {"load": {"outputRows": str(rows)}}}

        return _done(tables, job, work)

    def _is_refused(self, identity: Any) -> bool:
        return draw(self._seed, LoadFault.ROW_REFUSED, identity) < self._faults.get(LoadFault.ROW_REFUSED, 0.0)

    async def _query(self, request: web.Request) -> web.Response:
        job = await request.json()
        query = job["configuration"]["query"]
        dataset = query.get("defaultDataset", {}).get("datasetId")

        def whole(tables: Tables) -> Resource:
            def work() -> Resource:
                answer = tables.query(query["query"], _parameters(query), dataset)
                return {"statistics": {"query": {"numDmlAffectedRows": _affected(answer)}}, "_answer": _results(answer)}

            return _done(tables, job, work)

        if not self._is_slow(query["query"]):
            return web.json_response(await self._in_file(whole))
        started = await self._in_file(lambda tables: _started(tables, job))
        task = asyncio.create_task(self._end_later(started["id"], whole))
        self._slow.add(task)  # the loop itself keeps no task alive
        task.add_done_callback(self._slow.discard)
        return web.json_response(started)

    def _is_slow(self, sql: str) -> bool:
        self._requests[LoadFault.SLOW] += 1
        drawn = draw(self._seed, LoadFault.SLOW, self._requests[LoadFault.SLOW])
        return sql.startswith(("MERGE", "DELETE")) and drawn < self._faults.get(LoadFault.SLOW, 0.0)

    async def _end_later(self, job_id: str, work: Callable[[Tables], Resource]) -> None:
        await asyncio.sleep(SLOW_S)

        def end(tables: Tables) -> None:
            if tables.job(job_id)["status"]["state"] == "RUNNING":  # not cancelled
                tables.free_id(job_id)
                work(tables)

        await self._in_file(end)

    async def _cancel(self, request: web.Request) -> web.Response:
        def cancel(tables: Tables) -> Resource:
            job = tables.job(request.match_info["job"])
            if job["status"]["state"] == "RUNNING":
                job["status"] = {"state": "DONE", **_status(Failed(400, "stopped", "Job execution was cancelled"))}
                tables.keep(job["id"], job)
            return job

        return web.json_response({"kind": "bigquery#jobCancelResponse", "job": await self._in_file(cancel)})

    async def _job(self, request: web.Request) -> web.Response:
        if (
            request.query.get("location") != LOCATION
        ):  # BigQuery finds jobs without a location only in the US and EU multi-regions
            return _error(404, "notFound", f"Not found: Job {request.match_info['job']}")
        return web.json_response(await self._in_file(lambda tables: tables.job(request.match_info["job"])))

    async def _results(self, request: web.Request) -> web.Response:
        job = await self._in_file(lambda tables: tables.job(request.match_info["job"]))
        if job["status"]["state"] == "RUNNING":
            await asyncio.sleep(0.2)  # BigQuery holds the request for a while too
            return web.json_response({"jobReference": job["jobReference"], "jobComplete": False})
        if "errorResult" in job["status"]:
            error = job["status"]["errorResult"]
            return _error(404 if error["reason"] == "notFound" else 400, error["reason"], error["message"])
        return web.json_response({"jobReference": job["jobReference"], "jobComplete": True, **job["_answer"]})


def _started(tables: Tables, job: Resource) -> Resource:
    """Store a job that runs."""
    job_id = job.setdefault("jobReference", {}).setdefault("jobId", secrets.token_hex(16))
    tables.take_id(job_id)
    job["jobReference"].setdefault("location", LOCATION)
    job.update(kind="bigquery#job", id=job_id, status={"state": "RUNNING"})
    tables.keep(job_id, job)
    return job


def _done(tables: Tables, job: Resource, work: Callable[[], Resource]) -> Resource:
    """Run a job and store it, in one transaction: a process that dies leaves all of it or nothing."""
    _started(tables, job)
    job["status"] = {"state": "DONE"}
    try:
        job.update(work())
    except Failed as error:
        job["status"] |= _status(error)
    tables.keep(job["id"], job)
    return job


def _status(error: Failed) -> Resource:
    prefix = "Error while reading data, error message: " if error.rows else ""
    result = {"reason": error.reason, "message": prefix + str(error)}
    rows = [{"reason": error.reason, "message": prefix + row.message} for row in error.rows]
    return {"errorResult": result, "errors": [result, *rows]}


def _results(answer: QueryResult) -> Resource:
    if answer.affected is not None:
        return {"numDmlAffectedRows": _affected(answer)}
    columns = list(zip(*answer.rows, strict=True)) or [()] * len(answer.names)
    fields = [
        {"name": name, "type": _type(column), "mode": "NULLABLE"}
        for name, column in zip(answer.names, columns, strict=True)
    ]
    rows = [{"f": [{"v": None if value is None else str(value)} for value in row]} for row in answer.rows]
    return {"schema": {"fields": fields}, "rows": rows, "totalRows": str(len(rows))}


def _type(column: tuple[Any, ...]) -> str:
    """The type of a column, from its values: results of SQLite have no declared types."""
    kinds = {type(value) for value in column} - {type(None)}
    return "INTEGER" if kinds == {int} else "FLOAT" if kinds and kinds <= {int, float} else "STRING"


def _affected(answer: QueryResult) -> str | None:
    return None if answer.affected is None else str(answer.affected)


def _parameters(query: Resource) -> dict[str, Any]:
    return {
        one["name"]: _parameter(one["parameterType"], one["parameterValue"]) for one in query.get("queryParameters", [])
    }


def _parameter(kind: Resource, value: Resource) -> Any:
    if kind["type"] == "ARRAY":
        return json.dumps([one.get("value") for one in value.get("arrayValues", [])])
    convert: Any = {"INT64": int, "FLOAT64": float, "BOOL": "true".__eq__}.get(kind["type"], str)
    return None if value.get("value") is None else convert(value["value"])


def _parts(request: web.Request, body: bytes) -> tuple[Resource, bytes]:
    """The two parts of a multipart/related upload: the job and its rows."""
    _, _, boundary = request.headers["Content-Type"].partition("boundary=")
    _, job, rows, _ = body.split(b"--" + boundary.strip('"').encode())
    # split by hand: the e-mail parser of Python would change line ends
    contents = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in (job, rows)]
    return json.loads(contents[0]), contents[1]


def _named(request: web.Request) -> tuple[str, str]:
    return request.match_info["dataset"], request.match_info["table"]


def _error(status: int, reason: str, message: str) -> web.Response:
    one = {"reason": reason, "message": message, "domain": "global"}
    return web.json_response({"error": {"code": status, "message": message, "errors": [one]}}, status=status)
