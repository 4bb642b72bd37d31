using Cilium.Core;

namespace Cilium.Policy.Tests.Selectors;

public sealed class SelectorCacheTests
{
    private readonly SelectorCache _cache;
    private readonly PeerSelector _clients = new LabelPeer(LabelSelector.Parse("app=client"));

    public SelectorCacheTests()
    {
        var cluster = new ClusterFacts("c1");
        _cache = new SelectorCache(cluster, new IdentityCache(cluster));
    }

    [Fact]
    public void Matches_follow_identities_and_changes_are_reported_once()
    {
        var matches = _cache.Acquire(_clients);
        Tell(300, "k8s:app=client");
        Tell(301, "k8s:app=server");
        Assert.Equal([new Identity(300)], Assert.Single(_cache.TakeDeltas()).Added);
        Assert.Empty(_cache.TakeDeltas());
        Tell(300, "k8s:app=server");
        Tell(301, "k8s:app=client");
        var delta = Assert.Single(_cache.TakeDeltas());
        Assert.Equal([new Identity(301)], delta.Added);
        Assert.Equal([new Identity(300)], delta.Removed);
        Assert.Equal([new Identity(301)], matches.Identities);
    }

    [Fact]
    public void What_comes_and_goes_between_two_looks_is_no_change()
    {
        _cache.Acquire(_clients);
        Tell(300, "k8s:app=client");
        _cache.Remove(new Identity(300));
        Assert.Empty(_cache.TakeDeltas());
    }

    [Fact]
    public void A_selector_is_forgotten_with_its_last_use()
    {
        var first = _cache.Acquire(_clients);
        Assert.Same(first, _cache.Acquire(new LabelPeer(LabelSelector.Parse("app=client"))));
        _cache.Release(first);
        Assert.Equal(1, _cache.Count);
        _cache.Release(first);
        Assert.Equal(0, _cache.Count);
    }

    private void Tell(uint id, string label) => _cache.Upsert(new KnownIdentity(new Identity(id), LabelSet.Parse(label)));
}
