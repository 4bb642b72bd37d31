namespace Cilium.Datapath.Maps;

/// <summary>Where a socket translation was seen.</summary>
[CEnum("socket_trace_point", "SOCKET_")]
public enum SocketTracePoint : byte
{
    /// <summary>Pre forward.</summary>
    PreForward = 1,

    /// <summary>Post forward.</summary>
    PostForward = 2,

    /// <summary>Pre reverse.</summary>
    PreReverse = 3,

    /// <summary>Post reverse.</summary>
    PostReverse = 4,
}
