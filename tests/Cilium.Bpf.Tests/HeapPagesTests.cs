using System.Globalization;

namespace Cilium.Bpf.Tests;

public sealed class HeapPagesTests
{
    private const string Switch = "/sys/kernel/mm/transparent_hugepage/enabled";
    private const int Objects = 64_000;

    [Fact]
    public void What_is_allocated_afterwards_lies_in_huge_pages_and_survives_collections()
    {
        Assert.SkipUnless(File.Exists(Switch) && !File.ReadAllText(Switch).Contains("[never]", StringComparison.Ordinal), "the kernel gives no huge pages");
        Assert.Equal(1 << 30, HeapPages.Enlarge(1 << 30));

        // 64 MB that stay: more than the regions in which the tests before this one have left small pages.
        var before = HugeKibibytes();
        var kept = Enumerable.Range(0, Objects).Select(static number => Filled(number)).ToArray();
        Assert.InRange(HugeKibibytes() - before, 16 << 10, 1 << 20);

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Assert.Equal(1 << 30, HeapPages.Enlarge(1 << 30));
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        for (var number = 0; number < Objects; number++) Assert.False(kept[number].AsSpan().ContainsAnyExcept((byte)number), $"object {number} was changed");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1 << 20)]
    public void Less_than_a_huge_page_is_nothing(long bytes) => Assert.Equal(0, HeapPages.Enlarge(bytes));

    private static byte[] Filled(int number)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(1_000);
        bytes.AsSpan().Fill((byte)number);
        return bytes;
    }

    private static long HugeKibibytes() =>
        File.ReadLines("/proc/self/smaps_rollup").Where(static line => line.StartsWith("AnonHugePages:", StringComparison.Ordinal))
            .Sum(static line => long.Parse(line.AsSpan(14, line.Length - 16), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture));
}
