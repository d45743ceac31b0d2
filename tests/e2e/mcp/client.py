#!/usr/bin/env python3
"""client.py ERA URL TOKEN PLAN: the official Python client lists everything and calls every tool.

PLAN is a JSON file: for each tool its arguments, and under "refused" the reason code with which it must be refused, if it must.
What is listed and not in the plan is a failure, and the other way round."""
import asyncio
import json
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def everything(list_page, member):
    """All pages of a list."""
    items, cursor = [], None
    while True:
        page = await list_page(cursor=cursor)
        items += getattr(page, member)
        cursor = page.next_cursor
        if not cursor:
            return items


async def call(client, name, planned, problems):
    progress = []

    async def on_progress(done, total, message):
        progress.append(done)

    result = await client.call_tool(name, planned["arguments"], progress_callback=on_progress)
    text = result.content[0].text
    refused = planned.get("refused")
    if refused and not (result.is_error and f"[{refused}]" in text and "What to do: " in text):
        problems.append(f"{name} was not refused with {refused}: {text[:300]}")
    if not refused and result.is_error:
        problems.append(f"{name} failed: {text[:500]}")
    if not result.is_error and json.loads(text) != result.structured_content:
        problems.append(f"{name}: the text is not the structured content")
    if planned.get("progress") and (not progress or progress != sorted(set(progress))):
        problems.append(f"{name} told no growing progress: {progress}")


async def main(era, url, token, plan):
    problems = []
    # The client follows no redirection but its own, and sends the token nowhere else.
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        mode = "legacy" if era == "legacy" else "auto"
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            expected = "2025-11-25" if era == "legacy" else "2026-07-28"
            if client.protocol_version != expected:
                problems.append(f"the client speaks {client.protocol_version}, not {expected}")
            tools = {tool.name for tool in await everything(client.list_tools, "tools")}
            if tools != set(plan):
                problems.append(f"not planned: {sorted(tools - set(plan))}; not offered: {sorted(set(plan) - tools)}")
            for name, planned in plan.items():
                if name in tools:
                    await call(client, name, planned, problems)
            for prompt in await everything(client.list_prompts, "prompts"):
                await client.get_prompt(prompt.name, {argument.name: "Contoso" for argument in prompt.arguments or []})
            resources = await everything(client.list_resources, "resources")
            if not resources:
                problems.append("there are no resources")
            for resource in resources[:5]:
                await client.read_resource(resource.uri)
            if len(await everything(client.list_resource_templates, "resource_templates")) != 2:
                problems.append("there are not two resource templates")
    for problem in problems:
        print(problem)
    print(f"python, {era}: {len(tools)} tools called")
    return 1 if problems else 0


if __name__ == "__main__":
    with open(sys.argv[4], encoding="utf-8") as file:
        sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], json.load(file))))
