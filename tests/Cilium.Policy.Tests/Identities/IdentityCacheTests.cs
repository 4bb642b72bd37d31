using Cilium.Core;

namespace Cilium.Policy.Tests.Identities;

public sealed class IdentityCacheTests
{
    [Fact]
    public void Numbers_and_labels_are_found_both_ways()
    {
        var cache = new IdentityCache(new ClusterFacts("c1"));
        var labels = LabelSet.Parse("k8s:app=a");
        Assert.True(cache.Upsert(new KnownIdentity(new Identity(301), labels)));
        Assert.True(cache.Upsert(new KnownIdentity(new Identity(300), labels)));
        Assert.False(cache.Upsert(new KnownIdentity(new Identity(300), labels)));
        Assert.True(cache.TryFind(labels, out var found));
        Assert.Equal(300u, found.Value);
        Assert.True(cache.Remove(new Identity(300)));
        Assert.True(cache.TryFind(labels, out found));
        Assert.Equal(301u, found.Value);
        Assert.True(cache.Upsert(new KnownIdentity(new Identity(301), LabelSet.Parse("k8s:app=b"))));
        Assert.False(cache.TryFind(labels, out _));
        Assert.True(cache.TryFind(LabelSet.Reserved("health"), out found));
        Assert.Equal(Identity.Health, found);
    }

    [Theory]
    [InlineData(false, 8)]
    [InlineData(true, 10)]
    public void The_world_has_one_identity_for_each_family_in_dual_stack_only(bool isDual, int count) =>
        Assert.Equal(count, new IdentityCache(new ClusterFacts("c1", true, isDual)).Count);
}
