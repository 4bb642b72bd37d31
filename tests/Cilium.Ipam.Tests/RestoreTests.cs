using Cilium.Core;

namespace Cilium.Ipam.Tests;

/// <summary>What a snapshot says is what every mode has again after a restart.</summary>
public sealed class RestoreTests
{
    private readonly ManualClock _clock = new();

    public static TheoryData<string> Modes => ["node", "multi-pool", "listed"];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Owners_purposes_and_expiries_come_back_and_what_cannot_be_is_told(string mode)
    {
        var before = New(mode);
        var kept = before.Allocate(new AddressRequest("ns/kept") { WantsIPv6 = false, Purpose = "pod" }).IPv4!.Value.Address;
        var waiting = before.Allocate(new AddressRequest("ns/waiting") { WantsIPv6 = false, Expires = true }).IPv4!.Value;
        var foreign = new AddressLease(IpAddr.Parse("192.0.2.1"), "ns/foreign", Prefix.Parse("192.0.2.0/24"));
        var off = new AddressLease(IpAddr.Parse("fd00::1"), "ns/off", Prefix.Parse("fd00::/64"));

        var after = New(mode);
        Assert.Equal([foreign, off], after.Restore([.. before.Snapshot(), foreign, off]));
        Assert.Equal(before.Snapshot(), after.Snapshot());
        Assert.True(after.TryGet(kept, out var found));
        var lease = found.Value;
        Assert.Equal(("ns/kept", "pod"), (lease.Owner, lease.Purpose));

        // Another has it, and its own has it already.
        var stolen = lease with { Owner = "ns/thief" };
        Assert.Equal([stolen], after.Restore([stolen, lease]));

        Assert.True(after.TryGet(waiting.Address, out _));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.False(after.TryGet(waiting.Address, out _));
        Assert.True(after.TryGet(kept, out _));
    }

    private INodeIpam New(string mode)
    {
        switch (mode)
        {
            case "node":
                var node = new NodeIpam(hasIPv4: true, hasIPv6: false, time: _clock);
                node.SetPodCidrs([Prefix.Parse("10.0.0.0/28")]);
                return node;
            case "multi-pool":
                var pools = new MultiPoolIpam(hasIPv4: true, hasIPv6: false, time: _clock);
                pools.SetAllocated([new PoolCidrs("default", [Prefix.Parse("10.0.0.0/28")])]);
                return pools;
            default:
                var listed = new ListedIpam(hasIPv4: true, hasIPv6: false, _clock);
                listed.SetAddresses([.. Enumerable.Range(0, 8).Select(i => IpAddr.Parse($"10.0.0.{i}"))], new Dictionary<IpAddr, string>());
                return listed;
        }
    }
}
