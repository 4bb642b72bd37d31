using Cilium.Core;

namespace Cilium.Policy.Tests.Identities;

public sealed class LocalIdentityAllocatorTests
{
    private static readonly ClusterFacts s_cluster = new("c1", true, true);
    private static readonly Prefix s_ten = Prefix.Parse("10.0.0.0/8");
    private static readonly Prefix s_ula = Prefix.Parse("fd00::/8");

    [Fact]
    public void Numbers_start_after_the_scope_bit_and_are_counted_by_users()
    {
        var allocator = new LocalIdentityAllocator(s_cluster);
        var first = allocator.Acquire(s_ten);
        Assert.Equal(16777217u, first.Id.Value);
        Assert.Equal(LabelSet.Parse("cidr:10.0.0.0/8", "reserved:world-ipv4"), first.Labels);
        Assert.Equal(first.Id, allocator.Acquire(s_ten).Id);
        Assert.Equal(16777218u, allocator.Acquire(s_ula).Id.Value);
        Assert.False(allocator.Release(s_ten));
        Assert.True(allocator.Release(s_ten));
        Assert.False(allocator.Release(s_ten));
        Assert.Equal(16777219u, allocator.Acquire(s_ten).Id.Value);
    }

    [Fact]
    public void A_prefix_gets_the_number_it_had_before_a_restart_and_nobody_else_does()
    {
        var allocator = new LocalIdentityAllocator(s_cluster);
        allocator.Restore(s_ula, new Identity(16777217));
        Assert.Equal(16777218u, allocator.Acquire(s_ten).Id.Value);
        Assert.Equal(16777217u, allocator.Acquire(s_ula).Id.Value);
    }

    [Fact]
    public void Labels_that_stand_for_a_prefix_get_its_number_too()
    {
        var allocator = new LocalIdentityAllocator(s_cluster);
        var server = Prefix.Parse("192.0.2.1/32");
        allocator.Restore(server, new Identity(16777300));
        var labels = LabelSet.Parse("cidr:192.0.2.1/32", "reserved:kube-apiserver");
        Assert.Equal(new KnownIdentity(new Identity(16777300), labels), allocator.Acquire(labels, server));
    }

    [Fact]
    public void The_prefix_of_length_0_is_the_world()
    {
        var allocator = new LocalIdentityAllocator(s_cluster);
        Assert.Equal(Identity.WorldIPv6, allocator.Acquire(Prefix.Parse("::/0")).Id);
        Assert.Equal(Identity.World, new LocalIdentityAllocator(new ClusterFacts("c1")).Acquire(Prefix.Parse("0.0.0.0/0")).Id);
        Assert.Equal(0, allocator.Count);
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("fd00::/8", "fd00--0/8")]
    [InlineData("::/1", "0--0/1")]
    [InlineData("::1/128", "0--1/128")]
    [InlineData("2001:db8::/32", "2001-db8--0/32")]
    public void Keys_of_prefixes_are_upstreams_and_read_back(string prefix, string key)
    {
        Assert.Equal(key, CidrLabels.KeyOf(Prefix.Parse(prefix)));
        Assert.True(CidrLabels.TryParse(new Label("cidr", key, ""), out var parsed));
        Assert.Equal(Prefix.Parse(prefix), parsed);
    }
}
