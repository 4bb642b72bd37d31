using System.Text.Json.Nodes;

namespace Cilium.Lab.Serving;

/// <summary>The streams of a command that runs in a container.</summary>
internal interface IExecStreams
{
    /// <summary>The next bytes for the command's standard input; empty at its end.</summary>
    ValueTask<ReadOnlyMemory<byte>> ReadInputAsync(CancellationToken cancel);

    ValueTask WriteOutputAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    ValueTask WriteErrorAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);
}

/// <summary>What a client asked to run.</summary>
internal sealed record ExecRequest(JsonObject Pod, string? Container, IReadOnlyList<string> Command, bool Input, bool Terminal);

/// <summary>What connects clients with running pods.</summary>
internal interface IPodRuntime
{
    /// <summary>Runs a command and returns its exit code.</summary>
    Task<int> ExecAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel);

    /// <summary>Follows the output of the container's main process.</summary>
    Task<int> AttachAsync(ExecRequest request, IExecStreams streams, CancellationToken cancel);

    Task CopyLogAsync(JsonObject pod, string? container, LogOptions options, Stream output, CancellationToken cancel);

    /// <summary>A connection to a TCP port inside the pod.</summary>
    Task<Stream> ConnectAsync(JsonObject pod, int port, CancellationToken cancel);
}

internal sealed record LogOptions(bool Follow, int? TailLines);
