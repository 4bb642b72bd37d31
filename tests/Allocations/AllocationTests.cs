using System.Globalization;
using System.Text.Json;

namespace Cilium.AllocationTests;

public sealed class AllocationTests
{
    private const int Turns = 1000;
    private const int Rounds = 20;

    public static TheoryData<string> Names => [.. Allowed().Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_hot_path_allocates_no_more_than_it_may(string name)
    {
        var allowed = Allowed()[name];
        var turn = HotPaths.Create(name);
        for (var i = 0; i < Turns; i++)
            turn();

        // A collection on another thread ends this thread's allocation context and counts its rest: the least of some rounds is the cost.
        var least = double.MaxValue;
        for (var round = 0; round < Rounds && least > allowed; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Turns; i++)
                turn();
            least = Math.Min(least, (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Turns);
        }

        Assert.True(least <= allowed, string.Create(CultureInfo.InvariantCulture, $"{name} allocates {least:0.##} bytes a turn; allocations.json allows {allowed}"));
    }

    private static Dictionary<string, double> Allowed() =>
        JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "allocations.json")))!;
}
