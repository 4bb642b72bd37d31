namespace Cilium.Aws.Tests.Ec2;

/// <summary>A refusal as EC2 answers it.</summary>
public sealed class Ec2Fault(string code, string message, int status = 400) : Exception(message)
{
    public string Code => code;

    public int Status => status;

    public static Ec2Fault Throttled() => new("RequestLimitExceeded", "Request limit exceeded.", 503);

    public static Ec2Fault Broken() => new("InternalError", "An internal error has occurred", 500);
}
