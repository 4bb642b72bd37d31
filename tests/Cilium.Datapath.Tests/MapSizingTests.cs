namespace Cilium.Datapath.Tests;

public sealed class MapSizingTests
{
    private const long GiB = 1L << 30;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Small_machines_get_the_fewest(int gibibytes)
    {
        var options = Sized(new MapSizing(), gibibytes * GiB);
        Assert.Equal((196608u, 131072u, 65536u), (options.ConntrackEntries, options.SnatEntries, options.SocketRevNatEntries));
    }

    [Fact]
    public void Memory_makes_them_grow_in_proportion()
    {
        var (one, two) = (Sized(new MapSizing(), 64 * GiB), Sized(new MapSizing(), 128 * GiB));
        Assert.InRange(one.ConntrackEntries, 400_000u, 1_200_000u);
        Assert.Equal(2.0, (double)two.ConntrackEntries / one.ConntrackEntries, 3);
        Assert.Equal(2.0, (double)two.SnatEntries / one.SnatEntries, 3);
        Assert.Equal(one.ConntrackEntries / 3 * 2, (double)one.SnatEntries, 2.0);
    }

    [Fact]
    public void Nothing_exceeds_what_the_kernel_is_asked_for() =>
        Assert.Equal((1u << 25, 1u << 24, 1u << 24), Of(Sized(new MapSizing { Ratio = 1 }, 1L << 50)));

    [Fact]
    public void A_given_capacity_stays_and_without_a_ratio_nothing_grows()
    {
        var given = new MapSizing { ConntrackTcp = 5000, ConntrackAny = 1000, Snat = 9000, SocketRevNat = 2000 };
        Assert.Equal((6000u, 9000u, 2000u), Of(Sized(given, 64 * GiB)));
        Assert.Equal((786432u, 524288u, 262144u), Of(Sized(new MapSizing { Ratio = 0 }, GiB)));
        Assert.Equal(4000u, Sized(new MapSizing { ConntrackTcp = 5000, ConntrackAny = 1000 }, 64 * GiB).SnatEntries);
    }

    private static (uint Conntrack, uint Snat, uint Socket) Of(DatapathOptions options) =>
        (options.ConntrackEntries, options.SnatEntries, options.SocketRevNatEntries);

    private static DatapathOptions Sized(MapSizing sizing, long memory)
    {
        var options = new DatapathOptions();
        sizing.ApplyTo(options, memory);
        return options;
    }
}
