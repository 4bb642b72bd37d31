using Cilium.Datapath.Inspection;
using Cilium.Datapath.Kernel;

using var maps = DatapathMaps.OpenPinned(args.FirstOrDefault() ?? "/sys/fs/bpf");
var inspection = new DatapathInspection(maps);
foreach (var (policyId, endpoints, entries) in inspection.Policies())
{
    foreach (var (key, value) in entries)
    {
        var count = inspection.CountOf(value);
        Console.WriteLine($"policy {policyId} of endpoints {string.Join(',', endpoints)}: {key.Direction} {key.Identity} {count.Count} packets");
    }
}
