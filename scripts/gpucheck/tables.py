"""gpu-check.md: what was found, and the bench's tables for docs/Performance.md."""
LESS = ("tf32", "bf16", "f16")


def text(report):
    m = report["machine"]
    out = ["# gpu-check", "", machine(m, report["dry_run"]), "", f"{report['passed']} passed, {report['failed']} failed, "
           f"{report['skipped']} parts skipped.", "", "| part | passed | failed | s | |", "|---|---|---|---|---|"]
    for part in report["parts"]:
        counts = ["skipped", ""] if part["skipped"] else [str(part["passed"]), str(part["failed"])]
        out.append("| " + " | ".join([part["name"], *counts, f"{part['seconds']:.0f}", part["note"].replace("|", "/")]) + " |")
    return "\n".join(out + bench(report.get("bench") or {})) + "\n"


def machine(m, dry_run):
    d = m["device"]
    who = "A dry run: the simulator in the place of a device, so nothing here is a GPU's"
    if not dry_run:
        who = (f"{d['name']}, sm_{d['chip']}, {d['multiprocessors']} multiprocessors, {d['memory_bytes'] >> 30} GiB; "
               f"CUDA {d['driver'] // 1000}.{d['driver'] % 1000 // 10} by its driver")
    rest = [f"ptxas: {m['ptxas_version'] or m['ptxas'] or 'none'}", f"{m['cpus']} CPUs",
            ", ".join(f"{n} {v}" for n, v in m["packages"].items() if v) or "no peers installed"]
    return "; ".join([who, *rest]) + "."


def bench(result):
    rows = result.get("rows") or []
    if not rows:
        return []
    peaks = result["peaks"]
    out = ["", "## Bench", "", "Median ms of rounds in turns, f32 unless a name ends in another type. `best`: of the peers in f32; "
           "`ratio`: best / seqc's best; `of floor`: the least time, by bytes at the speed of a copy or by operations at the "
           "peak of f32 products, over seqc's.", ""]
    out += [", ".join(f"{k.replace('_', ' ')} {v:.4g}" for k, v in peaks.items())] if peaks else []
    for family in dict.fromkeys(r["family"] for r in rows):
        out += ["", f"### {family}", ""] + table([r for r in rows if r["family"] == family], peaks)
    out += [""] + [f"- absent: {k}: {' '.join(v.split())}" for k, v in result["absent"].items()]
    return out + [f"- no time was left for {name}" for name in result.get("unfinished", [])]


def table(rows, peaks):
    systems = list(dict.fromkeys(r["system"] for r in rows))
    head = ["shape", *systems, "best", "ratio", "of floor"]
    lines = [head, ["---"] * len(head)]
    for shape in dict.fromkeys(r["shape"] for r in rows):
        here = {r["system"]: r for r in rows if r["shape"] == shape}
        lines.append([shape, *(cell(here.get(s)) for s in systems), *summary(here, peaks)])
    return ["| " + " | ".join(line) + " |" for line in lines]


def cell(row):
    if not row:
        return "absent"
    return f"{row['median_ms']:.3g}" + ("~" if row["p75_ms"] > 1.3 * row["p25_ms"] else "")


def summary(here, peaks):
    ours = min((r["median_ms"] for s, r in here.items() if s.startswith("seqc")), default=None)
    exact = {s: r["median_ms"] for s, r in here.items() if not s.startswith("seqc") and not s.endswith(LESS)}
    best = min(exact, key=exact.get) if exact else ""
    ratio = f"{exact[best] / ours:.2f}" if best and ours else ""
    if not peaks or not ours:
        return [best, ratio, ""]
    row = next(iter(here.values()))
    least = max(1e-6 * row["bytes"] / peaks["copy_gbyte_per_s"], row["gflop"] / peaks["f32_tflop_per_s"])
    return [best, ratio, f"{least / ours:.2f}"]
