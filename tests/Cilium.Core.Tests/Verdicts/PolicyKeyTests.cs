using FsCheck.Xunit;

namespace Cilium.Core.Tests.Verdicts;

public sealed class PolicyKeyTests
{
    [Property]
    public bool Covering_means_matching_every_port_the_other_matches(ushort port, byte length, ushort otherPort, byte otherLength)
    {
        var one = Key(port, length % 17);
        var other = Key(otherPort, otherLength % 17);
        var covers = Enumerable.Range(0, 65536).All(p => !Matches(other, p) || Matches(one, p));
        return one.CoversPortsOf(other) == covers;

        static PolicyKey Key(ushort port, int length) =>
            new(TrafficDirection.Ingress, Identity.World, L4Protocol.Tcp, (ushort)(length == 0 ? 0 : port >> (16 - length) << (16 - length)), (byte)length);

        static bool Matches(PolicyKey key, int port) => key.PortPrefixLength == 0 || port >> (16 - key.PortPrefixLength) == key.Port >> (16 - key.PortPrefixLength);
    }

    [Fact]
    public void Any_protocol_covers_every_protocol_and_port_of_its_direction()
    {
        var any = new PolicyKey(TrafficDirection.Egress, Identity.World, L4Protocol.Any, 0, 0);
        Assert.True(any.CoversPortsOf(new PolicyKey(TrafficDirection.Egress, Identity.World, L4Protocol.Udp, 53, 16)));
        Assert.False(any.CoversPortsOf(new PolicyKey(TrafficDirection.Ingress, Identity.World, L4Protocol.Udp, 53, 16)));
    }
}
