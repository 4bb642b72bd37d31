namespace Cilium.Kubernetes.Identities;

/// <summary>Which of several identities of one label set is the one to use: the first created.</summary>
/// <remarks>
/// Everybody who can see the later one can also see the earlier one, since the server orders writes; whoever already uses the earlier one
/// never has to switch. The lowest number would not do: it may be created after a higher one is in use.
/// </remarks>
internal static class IdentityOrder
{
    public static CiliumIdentityRow? Oldest(IEnumerable<CiliumIdentityRow> rows)
    {
        CiliumIdentityRow? oldest = null;
        foreach (var row in rows)
        {
            if (oldest is null || Compare(row, oldest) < 0)
            {
                oldest = row;
            }
        }

        return oldest;
    }

    private static int Compare(CiliumIdentityRow left, CiliumIdentityRow right)
    {
        // Times have a granularity of a second; within one, the server's write counter tells.
        var order = string.CompareOrdinal(left.CreatedAt, right.CreatedAt);
        order = order != 0 ? order : left.Version.CompareTo(right.Version);
        return order != 0 ? order : left.Id.CompareTo(right.Id);
    }
}
