using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;

namespace Cilium.Datapath.Tests.Inspection;

public sealed class SourceRangeTests
{
    [Fact]
    public void Ranges_are_read_as_they_were_written()
    {
        using var obj = DatapathLoader.Open("bpf/lxc.bpf.o", new InProcessEngine());
        foreach (var program in obj.Programs)
            obj.SetAutoload(program.Name, load: false);
        foreach (var map in obj.Maps.Where(map => map.Shape.Type is MapType.LruHash or MapType.LpmTrie))
            obj.SetMaxEntries(map.Name, 64);
        obj.Load();
        using var maps = new DatapathMaps(obj.Map);
        (uint ServiceId, Prefix Range)[] ranges =
        [
            (5, Prefix.Parse("0.0.0.0/0")), (5, Prefix.Parse("10.0.0.0/8")), (5, Prefix.Parse("192.0.2.7/32")), (6, Prefix.Parse("10.0.0.0/8")), (6, Prefix.Parse("fd00::/64")),
        ];
        foreach (var (service, range) in ranges)
            maps.Services.SourceRanges.Update(ServiceState.KeyOf(service, range), 1);

        Assert.Equal(ranges.Order(), new DatapathInspection(maps).SourceRanges());
    }
}
