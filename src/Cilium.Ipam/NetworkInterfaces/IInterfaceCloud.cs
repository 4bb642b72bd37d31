using Cilium.Core;

namespace Cilium.Ipam;

/// <summary>A cloud whose instances have network interfaces with secondary addresses: what an operator asks of it. A seam: the cloud.</summary>
/// <remarks>
/// Every call fails with <see cref="CloudRefusedException"/>. Whether a call that failed has done something is not known, unless the reason says so:
/// read again before the next decision.
/// </remarks>
public interface IInterfaceCloud
{
    /// <summary>Reads everything.</summary>
    Task<CloudInventory> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Reads the interfaces of one instance.</summary>
    Task<IReadOnlyList<CloudInterface>> ReadInstanceAsync(string instanceId, CancellationToken cancellationToken);

    /// <summary>Finds what instances of a type can hold; null when the type is not known.</summary>
    Task<InstanceLimits?> LimitsOfAsync(string instanceType, CancellationToken cancellationToken);

    /// <summary>Makes an interface that is attached to nothing.</summary>
    /// <param name="wanted">What it shall have.</param>
    /// <param name="description">What stands on it.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The interface as it was made.</returns>
    Task<CloudInterface> CreateAsync(InterfaceAttachment wanted, string description, CancellationToken cancellationToken);

    /// <summary>Attaches an interface to an instance.</summary>
    /// <param name="interfaceId">The interface.</param>
    /// <param name="instanceId">The instance.</param>
    /// <param name="index">Its place there.</param>
    /// <param name="endsWithInstance">True to have it deleted when the instance ends.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    Task AttachAsync(string interfaceId, string instanceId, int index, bool endsWithInstance, CancellationToken cancellationToken);

    /// <summary>Deletes an interface that is attached to nothing.</summary>
    Task DeleteAsync(string interfaceId, CancellationToken cancellationToken);

    /// <summary>Gives an interface more secondary addresses, or prefixes.</summary>
    Task AssignAsync(InterfaceAssignment wanted, CancellationToken cancellationToken);

    /// <summary>Takes secondary addresses from an interface.</summary>
    Task UnassignAsync(string interfaceId, IReadOnlyList<IpAddr> addresses, CancellationToken cancellationToken);
}

/// <summary>Why a cloud refused.</summary>
public enum CloudRefusal
{
    /// <summary>Something else: the cloud's own fault, no way to it, no permission, a wrong argument.</summary>
    Other,
    /// <summary>Too many calls; nothing was done.</summary>
    Throttled,
    /// <summary>The subnet has too few free addresses, or no whole prefix; nothing was done.</summary>
    SubnetExhausted,
    /// <summary>The instance or interface holds no more; nothing was done.</summary>
    LimitReached,
    /// <summary>What was named is not there; nothing was done.</summary>
    NotFound,
}

/// <summary>A cloud refused a call.</summary>
public sealed class CloudRefusedException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="call">The name of the call.</param>
    /// <param name="reason">Why.</param>
    /// <param name="code">The cloud's own word for it; empty when it gave none.</param>
    /// <param name="message">What the cloud said.</param>
    /// <param name="inner">What the client library threw.</param>
    public CloudRefusedException(string call, CloudRefusal reason, string code, string message, Exception? inner = null)
        : base($"{call}: {(code.Length > 0 ? code + ": " : "")}{message}", inner)
    {
        Call = call;
        Reason = reason;
        Code = code;
    }

    /// <summary>The name of the call.</summary>
    public string Call { get; }

    /// <summary>Why.</summary>
    public CloudRefusal Reason { get; }

    /// <summary>The cloud's own word for it; empty when it gave none.</summary>
    public string Code { get; }
}
