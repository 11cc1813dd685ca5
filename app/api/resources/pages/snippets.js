// Writes a request for a shell and for Python. Whoever reads along sees where a key goes, but no key.

export function curlOf({method, address, headers, key, text, streams}) {
  const lines = [`curl ${streams ? "-N" : "-i"} ${quoted(address)}`];
  if (method !== (text ? "POST" : "GET")) lines.push(`-X ${method}`);
  if (key) lines.push('-H "Authorization: Bearer $KEY"');
  lines.push(...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`));
  if (text) lines.push(`--data-raw ${quoted(text)}`); // -d reads a file if the text begins with @
  return lines.join(" \\\n  ");
}

// With nothing but the standard library. JSON's strings are strings of Python as well.
export function pythonOf({method, address, headers, key, text}) {
  const rows = Object.entries(headers).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  if (key) rows.unshift('"Authorization": "Bearer " + os.environ["KEY"]');
  return [
    ...(key ? ["import os"] : []),
    "from urllib.error import HTTPError",
    "from urllib.request import Request, urlopen",
    "",
    "request = Request(",
    `    ${JSON.stringify(address)},`,
    `    method="${method}",`,
    ...(rows.length ? ["    headers={", ...rows.map((each) => `        ${each},`), "    },"] : []),
    ...(text ? [`    data=${longString(text)}.encode(),`] : []),
    ")",
    "try:",
    "    answer = urlopen(request, timeout=60)",
    "except HTTPError as refused:",
    "    answer = refused",
    "with answer:",
    "    print(answer.status, answer.reason)",
    "    for line in answer:",
    '        print(line.decode(), end="")',
  ].join("\n");
}

function quoted(text) {
  return /^[\w:/.%~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// As it is read, line by line, between three quotes: of three that follow each other, and of the
// last one, each is escaped.
function longString(text) {
  return `"""${text.replaceAll("\\", "\\\\").replace(/"(?="")|"$/g, '\\"')}"""`;
}
