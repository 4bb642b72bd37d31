using Cilium.Ipam;

namespace Cilium.Kubernetes;

/// <summary>A finding, and what was done about it.</summary>
/// <param name="Finding">What is wrong.</param>
/// <param name="IsRepaired">True when it was repaired.</param>
public readonly record struct CheckedFinding(AddressFinding Finding, bool IsRepaired);

/// <summary>What a check of a cluster's addresses has found.</summary>
/// <param name="Addresses">What was read.</param>
/// <param name="Findings">What is wrong; empty when all is well.</param>
public sealed record AddressReport(ClusterAddresses Addresses, IReadOnlyList<CheckedFinding> Findings)
{
    /// <summary>True when nothing is wrong any more.</summary>
    public bool IsClean => Findings.All(finding => finding.IsRepaired);
}

/// <summary>Checks the addresses of a cluster, twice, so that what pods do meanwhile is not told as wrong, and repairs them.</summary>
/// <param name="reader">Reads the cluster.</param>
/// <param name="writer">Makes repairs.</param>
/// <param name="time">The clock.</param>
public sealed class ClusterAddressCheck(ClusterAddressReader reader, ClusterAddressWriter writer, TimeProvider time)
{
    /// <summary>Checks, and repairs when asked to.</summary>
    /// <param name="settle">How long something must be wrong to be told.</param>
    /// <param name="repairs">True to repair.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    public async Task<AddressReport> RunAsync(TimeSpan settle, bool repairs, CancellationToken cancellationToken)
    {
        var addresses = await reader.ReadAsync(cancellationToken);
        var findings = AddressCheck.Find(addresses);
        if (findings.Count > 0)
        {
            await Task.Delay(settle, time, cancellationToken);
            addresses = await reader.ReadAsync(cancellationToken);
            findings = AddressCheck.Persisting(findings, AddressCheck.Find(addresses));
        }

        var done = new List<CheckedFinding>();
        foreach (var finding in findings)
        {
            done.Add(new CheckedFinding(finding, repairs && await writer.RepairAsync(addresses, finding, cancellationToken)));
        }

        return new AddressReport(addresses, done);
    }
}
