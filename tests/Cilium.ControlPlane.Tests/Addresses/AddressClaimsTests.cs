using Cilium.ControlPlane.Addresses;
using Cilium.Core;
using Cilium.Datapath.IpCache;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Cilium.ControlPlane.Tests.Addresses;

/// <summary>Claims against the plain model: of all that is said of a prefix now, the smallest source is believed, and of one kind the newest object.</summary>
public sealed class AddressClaimsTests
{
    private sealed record Say(int Source, int Name, int CreatedAt, int[] Prefixes)
    {
        /// <summary>Half of the sources tell what they said before.</summary>
        public bool TellsBefore => Source % 2 == 1;
    }

    private static Arbitrary<Say[]> Says() => (
        from source in Gen.Choose(0, 3)
        from name in Gen.Choose(0, 2)
        from createdAt in Gen.Choose(0, 2)
        from prefixes in Gen.Choose(0, 4).ArrayOf()
        select new Say(source, name, createdAt, [.. prefixes.Distinct()])).ArrayOf().ToArbitrary();

    [Property]
    public Property What_is_believed_is_what_the_model_believes() => Prop.ForAll(Says(), says =>
    {
        var claims = new AddressClaims();
        var model = new Dictionary<(int Kind, string Name), (ClaimSource Source, List<IpCacheRow> Rows)>();
        var believed = new Dictionary<Prefix, IpCacheRow>();
        var number = 0u;
        foreach (var say in says)
        {
            var key = (Kind: say.Source, Name: $"n{say.Name}");
            var source = new ClaimSource((AddressSource)say.Source, "", key.Name, say.TellsBefore ? (uint)say.CreatedAt : 0);
            var rows = say.Prefixes.Select(prefix => new IpCacheRow { Prefix = PrefixOf(prefix), Identity = new Identity(++number) }).ToArray();
            if (say.TellsBefore)
            {
                // An object of the same name may be another one by now.
                if (model.TryGetValue(key, out var before))
                {
                    claims.Change(before.Source, [.. before.Rows], before.Source == source ? rows : []);
                }

                if (before.Source != source)
                {
                    claims.Change(source, [], rows);
                }
            }
            else
            {
                claims.Set(source, rows);
            }

            model[key] = (source, [.. rows]);
            foreach (var (prefix, row) in claims.TakeChanges())
            {
                if (row is null)
                {
                    believed.Remove(prefix);
                }
                else
                {
                    believed[prefix] = row;
                }
            }

            var expected = model.SelectMany(entry => entry.Value.Rows.Select(row => (entry.Key.Kind, entry.Value.Source.CreatedAt, entry.Key.Name, Row: row)))
                .GroupBy(claim => claim.Row.Prefix)
                .ToDictionary(
                    group => group.Key,
                    group => group.OrderBy(claim => claim.Kind).ThenByDescending(claim => claim.CreatedAt).ThenBy(claim => claim.Name).First().Row);
            if (!expected.OrderBy(entry => entry.Key).SequenceEqual(believed.OrderBy(entry => entry.Key)))
            {
                return false;
            }
        }

        return true;
    });

    [Fact]
    public void A_source_that_names_a_prefix_twice_withdraws_it_once()
    {
        var claims = new AddressClaims();
        claims.Set(AddressSource.Rule, "r", Row(1), Row(2));
        Assert.Equal(Row(2), Assert.Single(claims.TakeChanges()).Row);
        claims.Set(AddressSource.Rule, "r");
        Assert.Null(Assert.Single(claims.TakeChanges()).Row);

        static IpCacheRow Row(uint identity) => new() { Prefix = PrefixOf(1), Identity = new Identity(identity) };
    }

    [Fact]
    public void A_rule_that_names_a_range_of_pods_does_not_hide_the_node_behind_it()
    {
        var claims = new AddressClaims();
        var range = Prefix.Parse("10.0.1.0/24");
        var behindNode = new IpCacheRow { Prefix = range, Identity = Identity.Unknown, TunnelEndpoint = IpAddr.Parse("172.18.0.3") };
        var named = new IpCacheRow { Prefix = range, Identity = new Identity(Identity.LocalScope | 1) };
        claims.Set(AddressSource.Rule, range.ToString(), named);
        claims.Set(AddressSource.PodRange, "node-b", behindNode);
        Assert.Equal(behindNode, Assert.Single(claims.TakeChanges()).Row);
        claims.Set(AddressSource.PodRange, "node-b");
        Assert.Equal(named, Assert.Single(claims.TakeChanges()).Row);
    }

    private static Prefix PrefixOf(int number) => Prefix.Of(IpAddr.FromIPv4(0x0A00_0000 + (uint)number));
}
