using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Policies;

namespace Cilium.KernelTests;

/// <summary>The shipped maps, empty, of one test.</summary>
internal sealed class TestMaps : IDisposable
{
    internal TestMaps(params (string Map, uint Entries)[] sizes)
    {
        using var obj = DatapathLoader.Open("bpf/lxc.bpf.o");
        foreach (var program in obj.Programs)
            obj.SetAutoload(program.Name, load: false);
        foreach (var map in new[] { "cilium_ct", "cilium_snat", "cilium_lb_sk_rev", "cilium_frag" })
            obj.SetMaxEntries(map, 1024);
        obj.SetMaxEntries("cilium_policy_stats", PolicyStatistics.Counters * (uint)BpfEngine.Kernel.Cpus);
        foreach (var (map, entries) in sizes)
            obj.SetMaxEntries(map, entries);
        InnerPolicy = obj.Maps.Single(map => map.Name == "cilium_policy").Inner!.Value;
        obj.Load();
        Maps = new DatapathMaps(obj.Map);
    }

    internal DatapathMaps Maps { get; }

    internal MapShape InnerPolicy { get; }

    public void Dispose() => Maps.Dispose();
}
