using Cilium.Core;
using FsCheck;
using FsCheck.Xunit;

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

    /// <summary>Selectors of prefixes look up what they contain; nothing may be missed or left behind however identities and selectors come and go.</summary>
    [Property(MaxTest = 200)]
    public void Matches_are_those_of_every_selector_asked_about_every_identity(DoNotSize<int> any)
    {
        var random = new Random(any.Item);
        var cluster = new ClusterFacts("c1", true, random.Next(2) == 0);
        var identities = new IdentityCache(cluster);
        // Some identities are there before the cache is.
        for (uint id = 0; id < 5; id++)
        {
            identities.Upsert(RandomIdentity(random, cluster));
        }

        var cache = new SelectorCache(cluster, identities);
        var held = new List<SelectorMatches>();
        var known = new Dictionary<SelectorMatches, HashSet<Identity>>();
        for (var step = 0; step < 80; step++)
        {
            switch (random.Next(7))
            {
                case 0 or 1 or 2:
                    cache.Upsert(RandomIdentity(random, cluster));
                    break;
                case 3:
                    cache.Remove(RandomIdentity(random, cluster).Id);
                    break;
                case 4 when held.Count > 0:
                    var gone = held[random.Next(held.Count)];
                    held.Remove(gone);
                    cache.Release(gone);
                    if (!held.Contains(gone))
                    {
                        known.Remove(gone);
                    }

                    break;
                default:
                    held.Add(cache.Acquire(RandomPeer(random)));
                    known.TryAdd(held[^1], [.. held[^1].Identities]);
                    break;
            }

            foreach (var matches in held)
            {
                Assert.Equal(
                    identities.All.Where(identity => matches.Selector.Matches(identity, cluster)).Select(identity => identity.Id).Order(),
                    matches.Identities.Order());
            }

            if (random.Next(4) == 0)
            {
                foreach (var delta in cache.TakeDeltas())
                {
                    known[delta.Matches].UnionWith(delta.Added);
                    known[delta.Matches].ExceptWith(delta.Removed);
                }

                Assert.All(known, pair => Assert.Equal(pair.Key.Identities.Order(), pair.Value.Order()));
            }
        }
    }

    private static Prefix RandomPrefix(Random random) => random.Next(4) switch
    {
        0 => new Prefix(IpAddr.FromValue((UInt128)random.Next(4) << 126 | (UInt128)random.Next(4) << 32), random.Next(129)),
        1 => new Prefix(IpAddr.FromValue(((UInt128)0xfffe << 32) + (UInt128)random.Next(4)), 128 - random.Next(40)),
        _ => new Prefix(IpAddr.FromIPv4((uint)random.Next(4) << 30 | (uint)random.Next(4)), random.Next(4) * 8 + random.Next(9)),
    };

    /// <summary>Of few numbers, so that one often becomes somebody else; several may stand for the same prefix.</summary>
    private static KnownIdentity RandomIdentity(Random random, ClusterFacts cluster)
    {
        var id = new Identity((uint)(1000 + random.Next(20)));
        var prefix = RandomPrefix(random);
        return random.Next(4) switch
        {
            0 => new KnownIdentity(id, LabelSet.Parse($"k8s:app={(random.Next(2) == 0 ? "client" : "server")}")),
            1 => new KnownIdentity(id, LabelSet.Create(CidrLabels.Of(prefix, cluster).Append(new Label(Label.SourceReserved, "kube-apiserver", "")))),
            _ => new KnownIdentity(id, CidrLabels.Of(prefix, cluster)),
        };
    }

    private static PeerSelector RandomPeer(Random random) => random.Next(8) switch
    {
        0 => new LabelPeer(LabelSelector.Parse("app=client")),
        1 => new EntityPeer(random.Next(2) == 0 ? Entity.World : Entity.KubeApiServer),
        2 => CidrPeer.Parse(random.Next(2) == 0 ? "0.0.0.0/0" : "::/0"),
        3 => CidrPeer.Parse("1.2.3.4/0"),
        _ => new CidrPeer(RandomPrefix(random), false),
    };

    private void Tell(uint id, string label) => _cache.Upsert(new KnownIdentity(new Identity(id), LabelSet.Parse(label)));
}
