"""Tables of the results, for people."""
import floor


def text(result):
    m = result["machine"]
    out = [f"{m['cpu']}, {m['cpus']} CPUs, load {m['load']}; f32; "
           + ", ".join(f"{k} {v}" for k, v in sorted(result["versions"].items()) if v)]
    if result["floor"]:
        out.append(f"fma peak {result['floor']['fma_gflop_per_s']} GFLOP/s a core, {result['floor']['lanes']} lanes")
    for family in dict.fromkeys(r["family"] for r in result["rows"]):
        out += ["", f"{family}: p25 ms (median); `best`: of the peers; `ratio`: best / seqc"] + table(family, result)
    absent = {k: v for k, v in result["absent"].items()}
    out += [""] * bool(absent) + [f"absent: {k}: {v}" for k, v in absent.items()]
    return "\n".join(out)


def table(family, result):
    rows = [r for r in result["rows"] if r["family"] == family]
    systems = list(dict.fromkeys(r["system"] for r in rows))
    head = ["shape", "threads", *systems, "best", "ratio", "GFLOP/s", "of floor"]
    lines = [head]
    for shape, threads in dict.fromkeys((r["shape"], r["threads"]) for r in rows):
        here = {r["system"]: r for r in rows if (r["shape"], r["threads"]) == (shape, threads)}
        lines.append([shape, str(threads)] + [cell(here.get(s)) for s in systems] + summary(here, result["floor"]))
    return aligned(lines)


def cell(row):
    if not row:
        return "absent"
    disturbed = "~" if row["cpu"] < 0.9 or row["p75_ms"] > 1.3 * row["p25_ms"] else ""
    return f"{row['p25_ms']:.3g} ({row['median_ms']:.3g}){disturbed}"


def summary(here, measured):
    ours = here.get("seqc")
    peers = {s: r["p25_ms"] for s, r in here.items() if not s.startswith("seqc")}
    best = min(peers, key=peers.get) if peers else "none"
    if not ours:
        return [best, "", "", ""]
    least = floor.milliseconds(ours, measured)
    return [best, f"{peers[best] / ours['p25_ms']:.2f}" if peers else "", f"{ours['gflop'] / ours['p25_ms'] * 1e3:.0f}",
            f"{least / ours['p25_ms']:.2f}" if least else ""]


def aligned(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines]
