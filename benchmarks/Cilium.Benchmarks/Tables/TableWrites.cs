using System.Diagnostics;
using System.Globalization;
using Cilium.Core.Tables;

namespace Cilium.Benchmarks.Tables;

/// <summary>State tables: one write per row, all rows in one write, snapshot lookups, and draining a feed.</summary>
internal static class TableWrites
{
    private sealed record Row(int Key, int Value);

    public static int Run(int rows)
    {
        Round(rows / 10, silent: true);
        Round(rows, silent: false);
        return 0;
    }

    private static void Round(int rows, bool silent)
    {
        var store = new StateStore();
        var table = store.CreateTable<int, Row>("rows", row => row.Key);
        using var feed = table.Subscribe();
        Measure("write-one-by-one", rows, silent, () =>
        {
            for (var i = 0; i < rows; i++)
            {
                var row = new Row(i, i);
                store.Write(tx => tx.Upsert(table, row));
            }
        });
        Measure("drain-feed", rows, silent, () => feed.Drain());
        Measure("write-in-one", rows, silent, () => store.Write(tx =>
        {
            for (var i = 0; i < rows; i++)
            {
                tx.Upsert(table, new Row(i, i + 1));
            }
        }));
        Measure("lookup", rows, silent, () =>
        {
            var snapshot = table.Snapshot();
            for (var i = 0; i < rows; i++)
            {
                snapshot.TryGet(i, out _);
            }
        });
    }

    private static void Measure(string what, int rows, bool silent, Action body)
    {
        var start = Stopwatch.GetTimestamp();
        body();
        if (!silent)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {Stopwatch.GetElapsedTime(start).TotalNanoseconds / rows:F1}"));
        }
    }
}
