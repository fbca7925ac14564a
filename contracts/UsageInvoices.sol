// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControlDefaultAdminRules} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// @title Invoices of machines that bill their own use, and a running proof that none is missing.
/// @notice A machine signs what its counter shows, anybody relays it, closing a period turns the counter into an invoice. A
/// listener off chain collects the invoices by SEPA direct debit; a debtor may pay one in e-money tokens instead. No personal
/// data ever goes on chain: `debtorRef` is an opaque keyed hash, names and accounts stay with the creditor.
/// @dev The event's words are all static (32 bytes each), so a reader needs slices, not an ABI. A new field is a new event
/// under a new name. Not upgradable: a change is a new deployment; no immutables, so the code deployed is byte for byte the
/// artefact's, whoever deployed it. `invoiceCount` and `invoiceChain` prove completeness: a reader that folds every
/// `InvoiceFinalized` and gets the same two values has seen each invoice, once, in order, unchanged. Every bound checked here is
/// one the reader checks too, so that this contract cannot emit what its reader refuses.
contract UsageInvoices is AccessControlDefaultAdminRules, Pausable, ReentrancyGuard {
    using SafeERC20 for IERC20;

    // ---- what is told to the outside

    event InvoiceFinalized(
        bytes32 indexed invoiceId,
        bytes32 indexed debtorRef,
        bytes32 indexed agreementId,
        uint64 invoiceNo,
        uint128 amountMinor,
        bytes3 currency,
        uint64 periodStart,
        uint64 periodEnd,
        uint64 dueDate,
        bytes32 usageRoot,
        bytes32 documentHash
    );
    event InvoiceCancelled(bytes32 indexed invoiceId, bytes32 reason);
    event InvoicePaid(bytes32 indexed invoiceId, address indexed token, address indexed payer, uint256 amount);
    event SettlementAttested(bytes32 indexed invoiceId, uint8 outcome, bytes32 evidenceHash);

    /// @notice How an invoice's amount came about: `min(cap, baseFee + units * unitPrice / 10^6)`, rounded down.
    event PeriodClosed(
        bytes32 indexed agreementId,
        bytes32 indexed deviceId,
        uint64 period,
        uint128 counterStart,
        uint128 counterEnd,
        uint64 baseFee,
        uint128 unitPrice,
        uint64 cap,
        uint64 readings,
        bytes32 usageRoot
    );
    event DeviceRegistered(bytes32 indexed deviceId, address key, uint128 counter);
    event DeviceKeyReplaced(bytes32 indexed deviceId, address key);
    event UsageRead(bytes32 indexed deviceId, uint64 seq, uint64 readAt, uint128 counter);
    event UsageBatchRead(bytes32 indexed deviceId, uint64 firstSeq, uint64 seq, uint64 readAt, uint128 counter, bytes32 root);
    event AgreementOpened(bytes32 indexed agreementId, bytes32 indexed deviceId, bytes32 debtorRef, Tariff tariff);
    event AgreementEnded(bytes32 indexed agreementId);
    event TariffScheduled(bytes32 indexed agreementId, Tariff tariff);
    event TokenAllowed(address indexed token, uint256 unitsPerCent);
    event PayeeChanged(address payee);

    error AlreadyRegistered(bytes32 deviceId);
    error UnknownDevice(bytes32 deviceId);
    error WrongSeq(bytes32 deviceId, uint64 seq, uint64 expected);
    error CounterWentBack(bytes32 deviceId, uint128 counter, uint128 last);
    error ReadingOutOfTime(bytes32 deviceId, uint64 readAt);
    error WrongSignature(bytes32 deviceId);
    error PeriodHasBatch(bytes32 agreementId);
    error NoAgreement(bytes32 id);
    error AgreementExists(bytes32 agreementId);
    error UnbilledUsage(bytes32 agreementId);
    error TariffOutOfRange();
    error DateOutOfRange();
    error WrongStatus(bytes32 invoiceId, Status status);
    error TokenNotAllowed(address token);
    error WrongAmountReceived(address token, uint256 received, uint256 expected);
    error NoPayee();
    error WrongOutcome(uint8 outcome);

    // ---- who may do what

    /// @notice Registers machines, agreements and tariffs.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    /// @notice Closes periods and cancels invoices.
    bytes32 public constant BILLING_ROLE = keccak256("BILLING_ROLE");
    /// @notice Writes back what became of an invoice at the bank, and can do nothing else.
    bytes32 public constant SETTLEMENT_ROLE = keccak256("SETTLEMENT_ROLE");
    /// @notice Stops readings, closing and token payments; cancelling and writing back go on.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    uint48 private constant ADMIN_DELAY = 2 days;

    // ---- bounds

    /// @dev Largest amount of one direct debit, in cents: 999,999,999.99 EUR (ISO 20022 pain.008).
    uint64 private constant AMOUNT_MAX = 99_999_999_999;
    /// @dev A unit price is in millionths of a cent; with a counter below 2^127 no product overflows.
    uint128 private constant UNIT_PRICE_MAX = AMOUNT_MAX * 1e6;
    uint256 private constant PRICE_SCALE = 1e6;
    /// @dev Unix seconds of 2015-01-01 and 2100-01-01: a date outside is milliseconds or a slip.
    uint64 private constant DATE_MIN = 1_420_070_400;
    uint64 private constant DATE_MAX = 4_102_444_800;
    /// @dev A machine's clock may be ahead of the block's by so much.
    uint64 private constant CLOCK_SKEW = 5 minutes;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant READING_TYPE = keccak256("UsageReading(bytes32 deviceId,uint64 seq,uint64 readAt,uint128 counter)");
    bytes32 private constant BATCH_TYPE = keccak256(
        "UsageBatch(bytes32 deviceId,uint64 firstSeq,uint64 seq,uint64 readAt,uint128 counter,bytes32 root)"
    );

    enum Status {
        None,
        Finalized,
        Paid,
        Cancelled
    }

    enum Outcome {
        None,
        Settled,
        Returned,
        Cancelled
    }

    /// @dev `counter` only ever grows, so a lost reading costs nothing and a repeated one gains nothing.
    struct Device {
        address key;
        uint64 seq;
        uint64 readAt;
        uint128 counter;
        bytes32 agreementId;
    }

    /// @dev Cents, millionths of a cent for each unit, cents.
    struct Tariff {
        uint64 baseFee;
        uint128 unitPrice;
        uint64 cap;
    }

    struct Agreement {
        bytes32 deviceId;
        bytes32 debtorRef;
        Tariff tariff;
        Tariff next;
        uint64 period;
        uint64 periodStart;
        uint128 counterStart;
        uint64 readings;
        bool open;
        bool tariffChanges;
        bytes32 batchRoot;
        mapping(uint256 level => bytes32) peaks;
    }

    struct Invoice {
        Status status;
        Outcome outcome;
        uint64 amountMinor;
        bytes32 evidenceHash;
    }

    /// @notice How many invoices were ever finalized; the last `invoiceNo`.
    uint64 public invoiceCount;
    /// @notice The running hash over all of them, zero before the first.
    bytes32 public invoiceChain;
    /// @notice Where token payments go: the creditor's wallet.
    address public payee;
    mapping(bytes32 deviceId => Device) public devices;
    mapping(bytes32 agreementId => Agreement) private _agreements;
    mapping(bytes32 invoiceId => Invoice) public invoices;
    /// @notice How many base units of a token are one cent: 10^4 for EURC (6 decimals), 10^16 for EURe (18); 0: not taken.
    mapping(address token => uint256) public unitsPerCent;

    constructor(address admin, address operator, address billing, address settlement, address pauser, address payee_)
        AccessControlDefaultAdminRules(ADMIN_DELAY, admin)
    {
        _grantRole(OPERATOR_ROLE, operator);
        _grantRole(BILLING_ROLE, billing);
        _grantRole(SETTLEMENT_ROLE, settlement);
        _grantRole(PAUSER_ROLE, pauser);
        payee = payee_;
        emit PayeeChanged(payee_);
    }

    // ---- machines and agreements

    /// @notice A machine and the key it signs with; `counter` is what it shows today.
    function registerDevice(bytes32 deviceId, address key, uint128 counter) external onlyRole(OPERATOR_ROLE) {
        Device storage device = devices[deviceId];
        if (device.key != address(0)) revert AlreadyRegistered(deviceId);
        if (key == address(0) || counter > type(uint128).max / 2) revert UnknownDevice(deviceId);
        device.key = key;
        device.counter = counter;
        emit DeviceRegistered(deviceId, key, counter);
    }

    /// @notice Another key for a machine, from its next reading on. A contract that speaks ERC-1271 may be one.
    function replaceDeviceKey(bytes32 deviceId, address key) external onlyRole(OPERATOR_ROLE) {
        _known(deviceId);
        if (key == address(0)) revert UnknownDevice(deviceId);
        devices[deviceId].key = key;
        emit DeviceKeyReplaced(deviceId, key);
    }

    /// @notice From `periodStart` on this debtor pays this machine's use by this tariff. A machine has one agreement at a time.
    function openAgreement(
        bytes32 agreementId,
        bytes32 deviceId,
        bytes32 debtorRef,
        uint64 periodStart,
        Tariff calldata tariff
    ) external onlyRole(OPERATOR_ROLE) {
        Device storage device = _known(deviceId);
        Agreement storage agreement = _agreements[agreementId];
        if (agreement.deviceId != 0) revert AgreementExists(agreementId);
        if (device.agreementId != 0) revert AgreementExists(device.agreementId);
        if (periodStart < DATE_MIN || periodStart > DATE_MAX) revert DateOutOfRange();
        _checkTariff(tariff);
        device.agreementId = agreementId;
        agreement.deviceId = deviceId;
        agreement.debtorRef = debtorRef;
        agreement.tariff = tariff;
        agreement.periodStart = periodStart;
        agreement.counterStart = device.counter;
        agreement.open = true;
        emit AgreementOpened(agreementId, deviceId, debtorRef, tariff);
    }

    /// @notice No further period; the machine is free for another agreement. What was used must have been billed.
    function endAgreement(bytes32 agreementId) external onlyRole(OPERATOR_ROLE) {
        Agreement storage agreement = _open(agreementId);
        if (agreement.readings != 0) revert UnbilledUsage(agreementId);
        agreement.open = false;
        devices[agreement.deviceId].agreementId = 0;
        emit AgreementEnded(agreementId);
    }

    /// @notice Another tariff from the next period on: what was used under the old one is billed by the old one.
    function scheduleTariff(bytes32 agreementId, Tariff calldata tariff) external onlyRole(OPERATOR_ROLE) {
        Agreement storage agreement = _open(agreementId);
        _checkTariff(tariff);
        agreement.next = tariff;
        agreement.tariffChanges = true;
        emit TariffScheduled(agreementId, tariff);
    }

    // ---- readings, relayed by anyone

    /// @notice One reading, signed by its machine (EIP-712 `UsageReading`): the next number, a counter not below the last.
    function submitReading(bytes32 deviceId, uint64 seq, uint64 readAt, uint128 counter, bytes calldata signature)
        external
        whenNotPaused
    {
        bytes32 reading = keccak256(abi.encode(READING_TYPE, deviceId, seq, readAt, counter));
        Agreement storage agreement = _accept(deviceId, 1, seq, readAt, counter, _typed(reading), signature);
        _append(agreement, keccak256(abi.encodePacked(bytes1(0x00), reading)));
        emit UsageRead(deviceId, seq, readAt, counter);
    }

    /// @notice All readings of a period at once: the last one and the Merkle root of all, signed together (`UsageBatch`).
    /// @dev `root` is that of RFC 6962 over `keccak256(0x00, EIP-712 struct hash of the reading)`, nodes `keccak256(0x01, left,
    /// right)`. The readings stay off chain; whoever has them can show each against the invoice's `usageRoot`.
    function submitBatch(
        bytes32 deviceId,
        uint64 firstSeq,
        uint64 seq,
        uint64 readAt,
        uint128 counter,
        bytes32 root,
        bytes calldata signature
    ) external whenNotPaused {
        uint64 expected = devices[deviceId].seq + 1;
        if (firstSeq != expected || seq < firstSeq) revert WrongSeq(deviceId, firstSeq, expected);
        bytes32 digest = _typed(keccak256(abi.encode(BATCH_TYPE, deviceId, firstSeq, seq, readAt, counter, root)));
        Agreement storage agreement = _accept(deviceId, seq - firstSeq + 1, seq, readAt, counter, digest, signature);
        if (agreement.readings != 0) revert PeriodHasBatch(devices[deviceId].agreementId);
        agreement.readings = seq - firstSeq + 1;
        agreement.batchRoot = root;
        emit UsageBatchRead(deviceId, firstSeq, seq, readAt, counter, root);
    }

    // ---- invoices

    /// @notice Bill the open period up to `periodEnd` (exclusive), once; the next one begins there. Nothing used and no base
    /// fee: no invoice. A reading that comes late counts in the next period, so that none is lost and none is billed twice.
    function closePeriod(bytes32 agreementId, uint64 periodEnd, uint64 dueDate, bytes32 documentHash)
        external
        onlyRole(BILLING_ROLE)
        whenNotPaused
        returns (bytes32 invoiceId)
    {
        Agreement storage agreement = _open(agreementId);
        Device storage device = devices[agreement.deviceId];
        uint64 periodStart = agreement.periodStart;
        if (periodEnd <= periodStart || periodEnd > block.timestamp) revert DateOutOfRange();
        if (dueDate < periodStart || dueDate > DATE_MAX) revert DateOutOfRange();
        if (device.readAt >= periodEnd) revert ReadingOutOfTime(agreement.deviceId, device.readAt);

        bytes32 root = _root(agreement);
        uint64 amount = _amount(agreement.tariff, device.counter - agreement.counterStart);
        emit PeriodClosed(
            agreementId,
            agreement.deviceId,
            agreement.period,
            agreement.counterStart,
            device.counter,
            agreement.tariff.baseFee,
            agreement.tariff.unitPrice,
            agreement.tariff.cap,
            agreement.readings,
            root
        );
        if (amount > 0) {
            invoiceId = invoiceIdOf(agreementId, agreement.period);
            _finalize(invoiceId, agreementId, agreement.debtorRef, amount, periodStart, periodEnd, dueDate, root, documentHash);
        }
        _nextPeriod(agreement, periodEnd, device.counter);
    }

    /// @notice Take an unpaid invoice back. Its number stays used and it stays in the running hash.
    /// @param reason an opaque code or salted hash; never text about a person.
    function cancelInvoice(bytes32 invoiceId, bytes32 reason) external onlyRole(BILLING_ROLE) {
        _move(invoiceId, Status.Cancelled);
        emit InvoiceCancelled(invoiceId, reason);
    }

    // ---- payment in e-money tokens

    /// @notice Take a token at so many base units for a cent; 0 takes it off the list.
    function allowToken(address token, uint256 unitsPerCent_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        unitsPerCent[token] = unitsPerCent_;
        emit TokenAllowed(token, unitsPerCent_);
    }

    /// @notice Where token payments go from now on.
    function setPayee(address payee_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        payee = payee_;
        emit PayeeChanged(payee_);
    }

    /// @notice Pay an invoice in full with a token on the list, from the caller's balance and allowance.
    /// @dev There is no lock against a direct debit that runs meanwhile: a payment that is final before the file is sealed takes
    /// the debit's place, a later one is refunded off chain. The status moves first, so that a token that calls back finds
    /// the invoice paid; a token that takes a fee on the way is refused.
    function payWithToken(bytes32 invoiceId, IERC20 token) external whenNotPaused nonReentrant {
        uint256 unit = unitsPerCent[address(token)];
        if (unit == 0) revert TokenNotAllowed(address(token));
        if (payee == address(0)) revert NoPayee();
        _move(invoiceId, Status.Paid);
        uint256 amount = uint256(invoices[invoiceId].amountMinor) * unit;
        uint256 before = token.balanceOf(payee);
        token.safeTransferFrom(msg.sender, payee, amount);
        uint256 received = token.balanceOf(payee) - before;
        if (received != amount) revert WrongAmountReceived(address(token), received, amount);
        emit InvoicePaid(invoiceId, address(token), msg.sender, amount);
    }

    // ---- what became of it at the bank

    /// @notice Write back an outcome and the salted hash of its evidence; never a reason. The same again does nothing.
    /// @dev Any outcome may follow any: a debit is returned eight weeks after it settled, and collected again after that.
    function attest(bytes32 invoiceId, uint8 outcome, bytes32 evidenceHash) external onlyRole(SETTLEMENT_ROLE) {
        Invoice storage invoice = invoices[invoiceId];
        if (invoice.status == Status.None) revert WrongStatus(invoiceId, Status.None);
        if (outcome == 0 || outcome > uint8(type(Outcome).max)) revert WrongOutcome(outcome);
        if (uint8(invoice.outcome) == outcome && invoice.evidenceHash == evidenceHash) return;
        invoice.outcome = Outcome(outcome);
        invoice.evidenceHash = evidenceHash;
        emit SettlementAttested(invoiceId, outcome, evidenceHash);
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    // ---- what anybody may ask

    /// @notice The id of an agreement's invoice for one period; unique over chains and contracts.
    function invoiceIdOf(bytes32 agreementId, uint64 period) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), agreementId, period));
    }

    /// @notice The open period of an agreement: its number, its start, the counter it began with, its readings and their root.
    function openPeriod(bytes32 agreementId)
        external
        view
        returns (uint64 period, uint64 periodStart, uint128 counterStart, uint64 readings, bytes32 usageRoot)
    {
        Agreement storage agreement = _open(agreementId);
        return (agreement.period, agreement.periodStart, agreement.counterStart, agreement.readings, _root(agreement));
    }

    // ---- inside

    function _accept(
        bytes32 deviceId,
        uint64 count,
        uint64 seq,
        uint64 readAt,
        uint128 counter,
        bytes32 digest,
        bytes calldata signature
    ) private returns (Agreement storage) {
        Device storage device = _known(deviceId);
        Agreement storage agreement = _open(device.agreementId);
        if (agreement.batchRoot != 0) revert PeriodHasBatch(device.agreementId);
        if (seq != device.seq + count) revert WrongSeq(deviceId, seq, device.seq + count);
        if (counter < device.counter || counter > type(uint128).max / 2) {
            revert CounterWentBack(deviceId, counter, device.counter);
        }
        if (readAt < device.readAt || readAt > block.timestamp + CLOCK_SKEW) revert ReadingOutOfTime(deviceId, readAt);
        if (!SignatureChecker.isValidSignatureNow(device.key, digest, signature)) revert WrongSignature(deviceId);
        device.seq = seq;
        device.readAt = readAt;
        device.counter = counter;
        return agreement;
    }

    /// @dev Only the roots of complete subtrees are kept, one for each bit of the count.
    function _append(Agreement storage agreement, bytes32 node) private {
        uint256 place = agreement.readings++;
        uint256 level;
        while ((place >> level) & 1 == 1) {
            node = _node(agreement.peaks[level++], node);
        }
        agreement.peaks[level] = node;
    }

    function _root(Agreement storage agreement) private view returns (bytes32 root) {
        if (agreement.batchRoot != 0) return agreement.batchRoot;
        for (uint256 level = 0; agreement.readings >> level != 0; level++) {
            if ((agreement.readings >> level) & 1 == 1) {
                root = root == 0 ? agreement.peaks[level] : _node(agreement.peaks[level], root);
            }
        }
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }

    function _amount(Tariff storage tariff, uint256 units) private view returns (uint64) {
        uint256 amount = tariff.baseFee + units * tariff.unitPrice / PRICE_SCALE;
        return amount > tariff.cap ? tariff.cap : uint64(amount);
    }

    function _finalize(
        bytes32 invoiceId,
        bytes32 agreementId,
        bytes32 debtorRef,
        uint64 amountMinor,
        uint64 periodStart,
        uint64 periodEnd,
        uint64 dueDate,
        bytes32 usageRoot,
        bytes32 documentHash
    ) private {
        invoices[invoiceId] = Invoice(Status.Finalized, Outcome.None, amountMinor, 0);
        uint64 invoiceNo = ++invoiceCount;
        bytes3 currency = "EUR";
        bytes32 digest = keccak256(
            abi.encode(
                invoiceId, debtorRef, agreementId, invoiceNo, amountMinor, currency,
                periodStart, periodEnd, dueDate, usageRoot, documentHash
            )
        );
        invoiceChain = keccak256(abi.encode(invoiceChain, invoiceId, digest));
        emit InvoiceFinalized(
            invoiceId, debtorRef, agreementId, invoiceNo, amountMinor, currency,
            periodStart, periodEnd, dueDate, usageRoot, documentHash
        );
    }

    function _nextPeriod(Agreement storage agreement, uint64 periodStart, uint128 counter) private {
        agreement.period++;
        agreement.periodStart = periodStart;
        agreement.counterStart = counter;
        agreement.readings = 0;
        agreement.batchRoot = 0;
        if (agreement.tariffChanges) {
            agreement.tariff = agreement.next;
            agreement.tariffChanges = false;
        }
    }

    /// @dev Only an invoice that nobody paid or cancelled moves.
    function _move(bytes32 invoiceId, Status to) private {
        Invoice storage invoice = invoices[invoiceId];
        if (invoice.status != Status.Finalized) revert WrongStatus(invoiceId, invoice.status);
        invoice.status = to;
    }

    function _known(bytes32 deviceId) private view returns (Device storage device) {
        device = devices[deviceId];
        if (device.key == address(0)) revert UnknownDevice(deviceId);
    }

    function _open(bytes32 agreementId) private view returns (Agreement storage agreement) {
        agreement = _agreements[agreementId];
        if (!agreement.open) revert NoAgreement(agreementId);
    }

    function _checkTariff(Tariff calldata tariff) private pure {
        if (tariff.cap == 0 || tariff.cap > AMOUNT_MAX || tariff.baseFee > tariff.cap) revert TariffOutOfRange();
        if (tariff.unitPrice > UNIT_PRICE_MAX) revert TariffOutOfRange();
    }

    /// @dev EIP-712 with the domain computed on each call: a cached one would be an immutable.
    function _typed(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPE, keccak256("UsageInvoices"), keccak256("1"), block.chainid, address(this)));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
