# SPDX-License-Identifier: Apache-2.0
"""What is loaded into other tools: Suricata rules, Zeek's intelligence, nftables' sets, Navigator, Mappings Explorer, OSCAL, Markdown."""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import jsonschema
from records import CASES, complaints, lines, ours, sample, theirs

NFT = ["unshare", "-rn", "nft"]


def no_nft():
    if not shutil.which("nft") or not shutil.which("unshare"):
        return "nft or unshare is not installed (tools/packages test)"
    tried = subprocess.run([*NFT, "list", "tables"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "no network namespace with nftables can be made here"


class Suricata(unittest.TestCase):
    OPTION = re.compile(r' ([a-z_.]+)(?::((?:"[^";\\]*")|[^";]*))?;')

    def rules(self, case):
        for line in sample(case, "suricata", "all").splitlines():
            if not line.startswith("#"):
                yield line

    def test_rules_are_rules(self):
        head = re.compile(r"alert (dns|tls|http|tcp|udp|icmp|ip) \$HOME_NET any -> (any|[0-9a-f.:]+) (any|\d{1,5}) \((.*)\)")
        seen = 0
        for case in CASES:
            sids = []
            for rule in self.rules(case):
                found = head.fullmatch(rule)
                self.assertTrue(found, rule)
                body = " " + found[4]
                options = self.OPTION.findall(body)
                self.assertEqual(self.OPTION.sub("", body), "", rule)  # nothing between the options
                names = [name for name, _ in options]
                self.assertEqual(names[-2:], ["sid", "rev"])
                sids.append(int(dict(options)["sid"]))
                seen += 1
            self.assertEqual(len(sids), len(set(sids)), case)
            self.assertTrue(all(1200000 <= sid < 1900000 for sid in sids))
        self.assertGreater(seen, 20)

    def test_their_keywords(self):
        """Every keyword that is used is one that Suricata's manual describes."""
        folder = theirs(self, "suricata-doc")
        manual = "\n".join(path.read_text(errors="replace") for path in folder.glob("*.rst"))
        used = {name for case in CASES for rule in self.rules(case) for name, _ in self.OPTION.findall(" " + rule.split("(", 1)[1][:-1])}
        for name in used:
            self.assertRegex(manual, rf"(?<![\w.]){re.escape(name)}(?![\w])", name)
        self.assertLessEqual({"dns.query", "tls.sni", "http.host", "dotprefix", "endswith", "threshold"}, used)

    def test_names_are_matched_with_what_is_below(self):
        rules = list(self.rules("shared"))
        self.assertEqual([rule.split(" ")[1] for rule in rules], ["dns", "tls", "http", "tcp"])
        for rule in rules[:3]:
            self.assertIn('dotprefix; content:".bad.example";', rule)
        self.assertIn("-> 203.0.113.66 443 ", rules[3])

    def test_a_rule_keeps_its_number(self):
        """In another report, beside others."""
        def numbers(case):
            return {re.sub(r"metadata:.*", "", rule): re.search(r"sid:(\d+)", rule)[1] for rule in self.rules(case)}
        one, more = numbers("emotet"), numbers("ruled")
        self.assertEqual(set(one) - set(more), set())
        self.assertEqual({rule: more[rule] for rule in one}, one)


class Once(unittest.TestCase):
    def test_a_thousand_findings_of_the_same_servers(self):
        """Two servers, 1,000 hosts: two rules, two lines, two elements, two attributes."""
        rules = [line for line in sample("many", "suricata").splitlines() if not line.startswith("#")]
        self.assertEqual([rule.split(" ")[5:7] for rule in rules], [["203.0.113.194", "443"], ["198.51.100.4", "8080"]])
        self.assertEqual(len(sample("many", "zeek-intel").splitlines()), 3)
        self.assertEqual(sample("many", "nft-set").count(" comment "), 2)
        self.assertEqual(len(lines("many", "misp")[0]["Event"]["Attribute"]), 2)
        ids = [item["id"] for item in lines("many", "stix")[0]["objects"]]
        self.assertEqual(len(ids), len(set(ids)))


class Zeek(unittest.TestCase):
    def test_table(self):
        for case in CASES:
            head, *rows = sample(case, "zeek-intel", "all").split("\n")[:-1]
            self.assertEqual(head, "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc")
            for row in rows:
                cells = row.split("\t")
                self.assertEqual(len(cells), 4, case)
                self.assertTrue(all(cells), case)
                self.assertRegex(cells[0], r"^[a-z0-9._:-]+$")
                self.assertIn(cells[1], ("Intel::DOMAIN", "Intel::ADDR"))
        self.assertEqual([row.split("\t")[0] for row in sample("shared", "zeek-intel").splitlines()[1:]], ["bad.example", "203.0.113.66"])


class Nft(unittest.TestCase):
    def setUp(self):
        if why := no_nft():
            self.skipTest(why)

    def test_nft_takes_it(self):
        for case in CASES:
            run = subprocess.run([*NFT, "-c", "-f", "-"], input=sample(case, "nft-set", "all"), text=True, capture_output=True, check=False)
            self.assertEqual(run.returncode, 0, f"{case}: {run.stderr}")

    def test_what_is_in_it(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(sample("ladder", "nft-set") + sample("shared", "nft-set") +
                       "add chain inet postern_found c { type filter hook forward priority 0; }\n"
                       "add rule inet postern_found c ip6 daddr @postern_found6 counter drop\n")
            file.flush()
            run = subprocess.run(["unshare", "-rn", "sh", "-c", f"nft -f {file.name} && nft -j list table inet postern_found"],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        sets = {entry["set"]["name"]: [e["elem"]["val"] for e in entry["set"].get("elem", [])]
                for entry in json.loads(run.stdout)["nftables"] if "set" in entry}
        self.assertEqual(sets["postern_found4"], ["203.0.113.66"])
        # 2001:db8:0:… is the host's own /48
        self.assertEqual(len(sets["postern_found6"]), 12)


class Documents(unittest.TestCase):
    def each(self, name):
        for case in CASES:
            yield case, lines(case, name, "all")[0]

    def test_our_schemas(self):
        for name in ("navigator", "mapex", "oscal"):
            for case, document in self.each(name):
                self.assertEqual(complaints(ours(name), document), [], f"{case} {name}")

    def test_mapex_their_schema(self):
        validator = jsonschema.Draft202012Validator(json.loads(theirs(self, "ctid/mapex-unified-data-schema.json").read_text()))
        for case, document in self.each("mapex"):
            self.assertEqual(complaints(validator, document), [], case)

    def test_navigator_their_fields(self):
        """The tables of the specification: what is required is there, and nothing that has no row."""
        text = theirs(self, "navigator/layers__spec__v4.5__layerformat.md").read_text()
        tables = {}
        for part in re.split(r"^## ", text, flags=re.M)[1:]:
            rows = re.findall(r"^\| *(\w+) *\|[^|]+\| *(Yes|No)\b", part, re.M | re.I)
            tables[part.split("\n")[0].strip().lower()] = {name: need.lower() == "yes" for name, need in rows}
        def check(node, table, where):
            self.assertEqual(set(node) - set(table), set(), where)
            self.assertEqual({name for name, need in table.items() if need} - set(node), set(), where)
        top, technique = tables["property table"], next(v for k, v in tables.items() if k.startswith("technique object"))
        gradient, versions = (next(v for k, v in tables.items() if k.startswith(word)) for word in ("gradient", "version"))
        for case, layer in self.each("navigator"):
            check(layer, top, case)
            check(layer["versions"], versions, case)
            check(layer["gradient"], gradient, case)
            for one in layer["techniques"]:
                check(one, technique, case)

    def test_navigator_scores(self):
        layer = lines("shared", "navigator")[0]
        self.assertEqual([(t["techniqueID"], t["score"]) for t in layer["techniques"]], [("T1008", 1), ("T1102.001", 1)])
        self.assertEqual(lines("nothing", "navigator")[0]["techniques"], [])

    def test_mapex_rows(self):
        rows = lines("shared", "mapex")[0]["mapping_objects"]
        self.assertEqual([(r["capability_id"], r["attack_object_id"], r["comments"]) for r in rows],
                         [("deaddrop", "T1008", "1 finding"), ("deaddrop", "T1102.001", "1 finding")])

    def paths(self, node, path=""):
        if isinstance(node, dict):
            for key, value in node.items():
                yield f"{path}/{key}"
                yield from self.paths(value, f"{path}/{key}")
        elif isinstance(node, list):
            for value in node:
                yield from self.paths(value, path)

    def test_oscal_has_the_shape_of_nist_s_example(self):
        known = set(self.paths(json.loads(theirs(self, "oscal/ifa_assessment-results-example.json").read_text())))
        result = "/assessment-results/results"
        items = f"{result}/local-definitions/inventory-items"
        # of the model (assembly inventory-item, back-matter); the example has none
        known |= {items, *(f"{items}/{key}" for key in ("uuid", "description", "props", "props/name", "props/value")),
                  *(f"/assessment-results/back-matter{key}" for key in ("", "/resources", "/resources/uuid", "/resources/title", "/resources/description")),
                  f"{result}/findings/target/status/reason"}
        for case, document in self.each("oscal"):
            self.assertEqual(set(self.paths(document)) - known, set(), case)

    def test_oscal_says_what_is_so(self):
        result = lines("ruled", "oscal", "all")[0]["assessment-results"]["results"][0]
        self.assertEqual(len(result["findings"]), 2)
        ids = {one["uuid"] for key in ("observations", "risks") for one in result[key]}
        items = {item["uuid"] for item in result["local-definitions"]["inventory-items"]}
        for finding in result["findings"]:
            self.assertEqual(finding["target"]["status"]["state"], "not-satisfied")
            self.assertIn(finding["related-observations"][0]["observation-uuid"], ids)
            self.assertIn(finding["related-risks"][0]["risk-uuid"], ids)
        for observation in result["observations"][1:]:
            self.assertIn(observation["subjects"][0]["subject-uuid"], items)
        nothing = lines("nothing", "oscal")[0]["assessment-results"]["results"][0]
        self.assertNotIn("findings", nothing)  # that none was found proves nothing
        self.assertIn("only one direction of its traffic", nothing["observations"][0]["description"])


@unittest.skipUnless(shutil.which("jq"), "jq is not installed (tools/packages test)")
class Queries(unittest.TestCase):
    HOST, PEER = "2001:db8::50", "2001:db8:3::1"

    def chosen(self, tool, rows):
        """The rows that the ticket's query for that tool selects, by their number."""
        query = re.search(rf"{re.escape(tool)}\n\n```\n(.*)\n```", sample("ladder", "markdown"))[1]
        with tempfile.TemporaryDirectory() as folder:
            name = query.split()[-1].replace("*", "conn")
            (pathlib.Path(folder) / name).write_text("\n".join(json.dumps({**row, "n": n}) for n, row in enumerate(rows)))
            run = subprocess.run(["sh", "-c", query], cwd=folder, capture_output=True, text=True, check=True)
        return [json.loads(line)["n"] for line in run.stdout.splitlines()]

    def test_zeek(self):
        here = {"id.orig_h": self.HOST, "id.resp_h": "192.0.2.1"}
        self.assertEqual(self.chosen("Zeek's logs, as JSON", [
            {**here, "id.resp_h": self.PEER}, {**here, "query": "www.badlist.example"}, {**here, "server_name": "update.badlist.example"},
            here, {**here, "id.orig_h": "2001:db8::51", "id.resp_h": self.PEER}, {**here, "query": "badlist.example"}]), [0, 1, 2])

    def test_suricata(self):
        here = {"src_ip": self.HOST, "dest_ip": "192.0.2.1"}
        name = "www.badlist.example"
        self.assertEqual(self.chosen("Suricata's eve.json", [
            {**here, "dest_ip": self.PEER}, {**here, "dns": {"rrname": name}}, {**here, "dns": {"queries": [{"rrname": name}]}},
            {**here, "tls": {"sni": name}}, {**here, "http": {"hostname": name}}, here, {"stats": {}}, {**here, "dns": {}},
            {**here, "src_ip": self.PEER, "dest_ip": self.HOST}]), [0, 1, 2, 3, 4])


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


class Markdown(unittest.TestCase):
    @unittest.skipUnless(shutil.which("cmark-gfm"), "cmark-gfm is not installed (tools/packages test)")
    def test_strangers_text_is_text(self):
        """Rendered with all that GitHub adds, and HTML let through: no link, image or element comes of a name."""
        allowed = {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "li"}
        for case in (*CASES, *(f"any-{seed}" for seed in range(10))):
            run = subprocess.run(["cmark-gfm", "--unsafe", "-e", "autolink", "-e", "table", "-e", "strikethrough"],
                                 input=sample(case, "markdown", "all"), capture_output=True, text=True, check=True)
            page = Tags(run.stdout)
            self.assertEqual(set(page.tags) - allowed, set(), case)
        page = Tags(subprocess.run(["cmark-gfm", "-e", "table"], input=sample("poison", "markdown"), capture_output=True, text=True, check=True).stdout)
        self.assertIn("=2+5 | **bold** <i> [x](y) www.evil.example a@b.example", page.text)
        self.assertIn("[x](javascript:alert(1))", page.text)
        rows = [line for line in sample("poison", "markdown").splitlines() if line.startswith("| from |") or line.startswith("| to |")]
        self.assertEqual([row.count("|") for row in rows], [6, 6])  # no cell more than the head has

    def test_says_what_the_text_says(self):
        text = sample("emotet", "markdown")
        for words in ("`203.0.113.194:443`", "refused every time (8 of 8)", "ip.addr == 10.1.6.206", "(+8.2 bits)", "Splunk"):
            self.assertIn(words, text)


if __name__ == "__main__":
    unittest.main()
