using Cilium.Core.Tables;
using Cilium.Datapath.LoadBalancing;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Services;

/// <summary>Which service has a frontend where several want the same address and port; when it lets go, the next one has it.</summary>
/// <remarks>
/// External addresses are written by whoever may write a service, so a claim must not take what another service has already. The order is made of the
/// objects alone: it is the same on all nodes and after every restart. The caller writes one transaction at a time.
/// </remarks>
/// <param name="frontends">The rows, of which this is the only writer.</param>
/// <param name="createdAt">When a service was created.</param>
/// <param name="logger">Told which services want the same frontend.</param>
internal sealed partial class FrontendClaims(
    Table<L4Address, FrontendRow> frontends, Func<NamespacedName, DateTimeOffset> createdAt, ILogger<FrontendClaims> logger)
{
    // Nearly every frontend is wanted by one service, and its row tells by which. Only where there are more is there a list, the owner first.
    private readonly Dictionary<L4Address, List<Claim>> _contested = [];
    private readonly List<L4Address> _untold = [];

    /// <summary>A service wants a frontend, or has another row for one that it wanted before.</summary>
    public void Set(WriteTransaction transaction, FrontendRow row)
    {
        if (!_contested.TryGetValue(row.Address, out var claims))
        {
            if (!transaction.TryGet(frontends, row.Address, out var present) || IsOf(present, ServiceOf(row)))
            {
                transaction.Upsert(frontends, row);
                return;
            }

            _contested[row.Address] = claims = [ClaimOf(present)];
        }

        if (claims.RemoveAll(claim => IsOf(claim.Row, ServiceOf(row))) == 0)
        {
            _untold.Add(row.Address);
        }

        claims.Add(ClaimOf(row));
        claims.Sort();
        transaction.Upsert(frontends, claims[0].Row);
    }

    /// <summary>A service no longer wants a frontend.</summary>
    public void Remove(WriteTransaction transaction, L4Address address, NamespacedName service)
    {
        if (_contested.TryGetValue(address, out var claims))
        {
            claims.RemoveAll(claim => IsOf(claim.Row, service));
            if (claims.Count == 1)
            {
                _contested.Remove(address);
            }

            transaction.Upsert(frontends, claims[0].Row);
        }
        else if (transaction.TryGet(frontends, address, out var present) && IsOf(present, service))
        {
            transaction.Delete(frontends, address);
        }
    }

    /// <summary>Logs the conflicts that are new. Call after a round: an address that passes from one service to another has two only within it.</summary>
    public void TellConflicts()
    {
        foreach (var address in _untold)
        {
            if (_contested.TryGetValue(address, out var claims))
            {
                LogConflict(logger, address, ServiceOf(claims[0].Row), string.Join(", ", claims.Skip(1).Select(claim => ServiceOf(claim.Row))));
            }
        }

        _untold.Clear();
    }

    private static NamespacedName ServiceOf(FrontendRow row) => new(row.ServiceNamespace, row.ServiceName);

    private static bool IsOf(FrontendRow row, NamespacedName service) => row.ServiceName == service.Name && row.ServiceNamespace == service.Namespace;

    private Claim ClaimOf(FrontendRow row) => new(row, createdAt(ServiceOf(row)));

    [LoggerMessage(1, LogLevel.Warning, "Frontend {Address} is wanted by several services: {Owner} has it, {Others} cannot be reached there")]
    private static partial void LogConflict(ILogger logger, L4Address address, NamespacedName owner, string others);

    /// <summary>One service's claim. The first in order is the owner: what the cluster gave before what a user wrote, the older before the newer.</summary>
    private readonly record struct Claim(FrontendRow Row, DateTimeOffset CreatedAt) : IComparable<Claim>
    {
        public int CompareTo(Claim other)
        {
            var order = Row.Kind.CompareTo(other.Row.Kind);
            order = order != 0 ? order : CreatedAt.CompareTo(other.CreatedAt);
            order = order != 0 ? order : string.CompareOrdinal(Row.ServiceNamespace, other.Row.ServiceNamespace);
            return order != 0 ? order : string.CompareOrdinal(Row.ServiceName, other.Row.ServiceName);
        }
    }
}
