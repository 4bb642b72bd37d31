using Cilium.Core;

namespace Cilium.Policy;

/// <summary>How one policy becomes another: entries to write and keys to delete, in the order to do it.</summary>
/// <param name="Upserts">Entries that are new or have another verdict: denies first, then allows.</param>
/// <param name="Deletes">Entries whose keys are gone: allows first, then denies.</param>
/// <remarks>
/// Writing all upserts and then doing all deletes, in order, gives every packet either its old or its new verdict at each moment: a lookup meets
/// a narrower allow only after the denies under it are in place, and loses a deny only after the allows it shadows are gone.
/// </remarks>
public sealed record PolicyDifference(EquatableArray<PolicyEntry> Upserts, EquatableArray<PolicyEntry> Deletes)
{
    /// <summary>True when nothing differs.</summary>
    public bool IsEmpty => Upserts.Count == 0 && Deletes.Count == 0;

    /// <summary>Compares two lists of entries, both sorted by key.</summary>
    public static PolicyDifference Between(ReadOnlySpan<PolicyEntry> before, ReadOnlySpan<PolicyEntry> after)
    {
        var upserts = new List<PolicyEntry>();
        var deletes = new List<PolicyEntry>();
        Compare(before, after, upserts, deletes);
        return Ordered(upserts, deletes);
    }

    internal static void Compare(ReadOnlySpan<PolicyEntry> before, ReadOnlySpan<PolicyEntry> after, List<PolicyEntry> upserts, List<PolicyEntry> deletes)
    {
        int i = 0, j = 0;
        while (i < before.Length || j < after.Length)
        {
            var order = i == before.Length ? 1 : j == after.Length ? -1 : before[i].Key.CompareTo(after[j].Key);
            if (order < 0)
            {
                deletes.Add(before[i++]);
            }
            else if (order > 0)
            {
                upserts.Add(after[j++]);
            }
            else
            {
                if (before[i].Verdict != after[j].Verdict)
                {
                    upserts.Add(after[j]);
                }

                i++;
                j++;
            }
        }
    }

    /// <summary>The entries after the difference, sorted by key.</summary>
    public EquatableArray<PolicyEntry> ApplyTo(EquatableArray<PolicyEntry> before)
    {
        var entries = new SortedDictionary<PolicyKey, PolicyEntry>();
        foreach (var entry in before)
        {
            entries[entry.Key] = entry;
        }

        foreach (var entry in Upserts)
        {
            entries[entry.Key] = entry;
        }

        foreach (var entry in Deletes)
        {
            entries.Remove(entry.Key);
        }

        return entries.Values.ToEquatableArray();
    }

    internal static PolicyDifference Ordered(List<PolicyEntry> upserts, List<PolicyEntry> deletes) => new(
        upserts.OrderByDescending(entry => entry.Verdict.IsDeny).ThenBy(entry => entry.Key).ToEquatableArray(),
        deletes.OrderBy(entry => entry.Verdict.IsDeny).ThenBy(entry => entry.Key).ToEquatableArray());
}
