using Cilium.Hubble.Filters;
using Cilium.Hubble.Printing;
using Google.Protobuf;
using Proto = Cilium.Hubble.Proto;

namespace Cilium.Hosts.Hubble;

/// <summary>A file of flows as JSON lines, from which a request is answered as a server answers it from what it keeps.</summary>
/// <param name="name">The file, or <c>-</c> for the standard input.</param>
/// <param name="warnings">Where lines are told that are no flows.</param>
internal sealed class FlowFile(string name, TextWriter warnings)
{
    /// <summary>Prints what the request asks for, in the order of the file.</summary>
    public async Task PrintAsync(Proto.GetFlowsRequest request, FlowPrinter printer, CancellationToken cancellationToken)
    {
        var matcher = FlowMatcher.Compile(request.Whitelist, request.Blacklist);
        var isLast = !request.First && request.Number is not (0 or ulong.MaxValue);
        var newest = new Queue<Proto.GetFlowsResponse>();
        var flows = 0ul;
        using var reader = name == "-" ? Console.In : new StreamReader(name);
        for (var number = 1; await reader.ReadLineAsync(cancellationToken) is { } line; number++)
        {
            if (Parse(line, number) is not { } response || !IsWithin(request, response) || (response.Flow is { } flow && !matcher.Matches(flow)))
            {
                continue;
            }

            flows += response.Flow is null ? 0ul : 1;
            if (isLast)
            {
                newest.Enqueue(response);
                while (flows > request.Number)
                {
                    flows -= newest.Dequeue().Flow is null ? 0ul : 1;
                }

                continue;
            }

            printer.Print(response);
            if (request.First && flows == request.Number)
            {
                return;
            }
        }

        foreach (var response in newest)
        {
            printer.Print(response);
        }
    }

    private static bool IsWithin(Proto.GetFlowsRequest request, Proto.GetFlowsResponse response)
    {
        if (request.Since is null && request.Until is null)
        {
            return true;
        }

        return (response.Time ?? response.Flow?.Time) is { } time
            && (request.Since is null || time >= request.Since)
            && (request.Until is null || time <= request.Until);
    }

    private Proto.GetFlowsResponse? Parse(string line, int number)
    {
        if (string.IsNullOrWhiteSpace(line))
        {
            return null;
        }

        try
        {
            return ProtoJson.Parse<Proto.GetFlowsResponse>(line);
        }
        catch (Exception error) when (error is InvalidProtocolBufferException or InvalidJsonException)
        {
            // One bad line, such as the last one of a file that is being written, does not make the others worthless.
            warnings.WriteLine($"{name}:{number}: passed over: {error.Message}");
            return null;
        }
    }
}
